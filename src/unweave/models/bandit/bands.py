"""Bands of musical width, as Bandit lays them over a spectrum."""

from __future__ import annotations

from itertools import pairwise

import numpy as np


def musical(rate_hz: int, frame_size: int, bands: int) -> tuple[tuple[int, int], ...]:
    """The first bin of each band, and the one behind its last.

    Centres are `bands` pitches, evenly spaced from the first bin above zero to half the rate. A
    band reaches as far to either side as two edges are apart that cut this range into equal parts,
    so that neighbours overlap; bins below the first and above the last are theirs. Bands without a
    bin are left out. Raises ValueError for sizes that mean nothing, and where a bin is in no band.
    """
    if frame_size < 2 or frame_size % 2 or rate_hz < 1 or not 2 <= bands <= frame_size:
        raise ValueError(
            f"bands are 2 or more, and at most the frame_size, which is even; got {bands} of "
            f"{frame_size} samples at {rate_hz} Hz"
        )
    bins, step_hz = frame_size // 2 + 1, rate_hz / frame_size
    low, high = (max(12 * (np.log2(hz) - np.log2(440)) + 69, 0) for hz in (step_hz, rate_hz / 2))
    centres_hz = 440 * 2 ** ((np.linspace(low, high, bands) - 69) / 12)
    factor = 2 ** (np.log2(rate_hz / 2 / step_hz) / bands)
    starts = np.floor(centres_hz / factor / step_hz).astype(int)
    stops = np.minimum(np.ceil(centres_hz * factor / step_hz).astype(int) + 1, bins)
    starts[0], stops[-1] = 0, bins
    found = [(int(a), int(b)) for a, b in zip(starts, stops, strict=True) if a < b]
    if any(after > before for (_, before), (after, _) in pairwise(found)):
        raise ValueError(f"{bands} bands of {bins} bins leave gaps")
    return tuple(found)
