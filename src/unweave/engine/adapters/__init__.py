"""Separators made of separators, one file each.

| adapter | works on | what it does |
|---|---|---|
| `Bag` | segments | weighted means of members with equal segments |
| `Augmented` | segments | means over swapped channels and inverted polarity |
| `Wiener` | segments | a multichannel Wiener filter over the stems |
| `Select` | segments | some of the stems |
| `Overlap` | segments | neighbours share more or less than the separator says |
| `Precision` | segments | a network in the arithmetic of 16 bits |
| `Ensemble` | signals | means, medians, extremes of members, of samples or of spectra |
| `Chain` | signals | a stem is separated further |
| `Complement` | signals | what the stems leave of the mix is a stem with a name |
| `Shifts` | signals | means over several positions of the segments |
| `TrackNormalised` | signals | the recording's level is taken out and put back |

What works on segments is called with them, as any separator is. What works on signals is an
`engine.compose.Composition`.
"""
