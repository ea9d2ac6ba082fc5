"""Which bins of a spectrum belong to which band: side by side, or on the mel scale, overlapping.

A band of the mel scale (`signal.mel`) is where a triangular filter is above zero, between the
centres of its neighbours. The lowest and the highest bin belong to the first and the last band,
whatever their filters say: the networks were trained so.
"""

from __future__ import annotations

from functools import cache
from itertools import accumulate, pairwise

import numpy as np

from unweave.signal.mel import hertz, mels

LARGEST_FRAME = 1 << 16  # samples of one
MOST_BANDS = 1000  # on the mel scale

Bands = tuple[tuple[int, int], ...]
"""For each band its first bin, and the one behind its last."""


def side_by_side(widths: tuple[int, ...]) -> Bands:
    """Bands of so many bins each, from the lowest on."""
    return tuple(pairwise(accumulate(widths, initial=0)))


@cache
def on_mel_scale(count: int, sample_rate_hz: int, frame_size: int) -> Bands:
    """`count` bands, up to half of the rate, of the bins of frames of `frame_size` samples.

    Raises ValueError where a band would have no bin, or a bin no band.
    """
    if not 1 <= count <= MOST_BANDS:
        raise ValueError(f"bands on the mel scale are 1 to {MOST_BANDS}, got {count}")
    bins = np.fft.rfftfreq(frame_size, 1 / sample_rate_hz)
    edges = hertz(np.linspace(0.0, mels(sample_rate_hz / 2), count + 2))
    inside = (bins > edges[:-2, None]) & (bins < edges[2:, None])  # (band, bin)
    inside[0, 0] = inside[-1, -1] = True
    if not inside.any(0).all() or not inside.any(1).all():
        raise ValueError(
            f"{count} bands on the mel scale are too many for frames of {frame_size} samples"
        )
    first = inside.argmax(1)
    last = len(bins) - inside[:, ::-1].argmax(1)
    return tuple(zip(first.tolist(), last.tolist(), strict=True))
