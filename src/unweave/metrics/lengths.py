"""Lengths for which Fourier transforms are quick."""

from __future__ import annotations


def fast_size(length: int) -> int:
    """The next length of 2^a 3^b 5^c, even, for which Fourier transforms are quick."""
    best = 1 << (length - 1).bit_length()
    fives = 1
    while fives < best:
        threes = fives
        while threes < best:
            size = threes * 2
            while size < length:
                size *= 2
            best = min(best, size)
            threes *= 3
        fives *= 5
    return best
