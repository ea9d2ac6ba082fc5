"""What is known of networks before they are built: a file for each that has something to say.

`options(config)` are the declarations of what a user may choose, for a card's settings.
`additive(options)` says whether the stems sum to the mix; without it they do, as the stems of masks
that sum to one. Both are read before torch is imported and before weights are, so that a wrong
value or a stem that there is not costs no time.
"""
