"""The chords that are told apart, and what each is made of: the classes of the network's parts.

The kinds are those of the paper's submission to MIREX. Names have the syntax of C. Harte and
others, "Symbolic representation of musical chords: a proposed syntax for text annotations", ISMIR
2005.
"""

from __future__ import annotations

import numpy as np

ROOTS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
TRIADS = ("maj", "min", "sus4", "sus2", "dim", "aug")
NO_CHORD = "N"
# Each kind: its triad, the semitones from root to bass, and the classes of seventh (1 major, 2
# minor, 3 diminished), ninth, eleventh and thirteenth (1 where it is there).
KINDS = {
    "maj": ("maj", 0, 0, 0, 0, 0),
    "maj/2": ("maj", 2, 0, 0, 0, 0),
    "maj/3": ("maj", 4, 0, 0, 0, 0),
    "maj/5": ("maj", 7, 0, 0, 0, 0),
    "maj/b7": ("maj", 10, 0, 0, 0, 0),
    "maj7": ("maj", 0, 1, 0, 0, 0),
    "maj9": ("maj", 0, 1, 1, 0, 0),
    "7": ("maj", 0, 2, 0, 0, 0),
    "9": ("maj", 0, 2, 1, 0, 0),
    "11": ("maj", 0, 2, 1, 1, 0),
    "13": ("maj", 0, 2, 1, 1, 1),
    "min": ("min", 0, 0, 0, 0, 0),
    "min/2": ("min", 2, 0, 0, 0, 0),
    "min/b3": ("min", 3, 0, 0, 0, 0),
    "min/5": ("min", 7, 0, 0, 0, 0),
    "min/b7": ("min", 10, 0, 0, 0, 0),
    "min7": ("min", 0, 2, 0, 0, 0),
    "min9": ("min", 0, 2, 1, 0, 0),
    "sus2": ("sus2", 0, 0, 0, 0, 0),
    "sus4": ("sus4", 0, 0, 0, 0, 0),
    "sus4(b7)": ("sus4", 0, 2, 0, 0, 0),
    "dim": ("dim", 0, 0, 0, 0, 0),
    "dim7": ("dim", 0, 3, 0, 0, 0),
    "hdim7": ("dim", 0, 2, 0, 0, 0),
    "aug": ("aug", 0, 0, 0, 0, 0),
}  # fmt: skip

NAMES = (NO_CHORD, *(f"{root}:{kind}" for kind in KINDS for root in ROOTS))


def _classes() -> np.ndarray:
    """Of each chord the class in each part, `(chord, 6)`; -1 where any will do."""
    rows: list[tuple[int, ...]] = [(0, 0, -1, -1, -1, -1)]  # no triad, no bass
    for triad, bass, *added in KINDS.values():
        for root in range(len(ROOTS)):
            number = 1 + len(ROOTS) * TRIADS.index(triad) + root
            rows.append((number, 1 + (root + bass) % len(ROOTS), *added))
    return np.array(rows)


CLASSES = _classes()
