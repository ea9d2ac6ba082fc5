"""Which bins of a spectrum belong to which band: side by side, or on the mel scale, overlapping.

The mel scale is Slaney's (Auditory Toolbox, 1998), as librosa computes it: linear below 1000 Hz,
logarithmic above. A band of it is where a triangular filter is above zero, between the centres of
its neighbours. The lowest and the highest bin belong to the first and the last band, whatever their
filters say: the networks were trained so.
"""

from __future__ import annotations

from functools import cache
from itertools import accumulate, pairwise

import numpy as np

LINEAR_HZ = 200 / 3  # of a mel below the break
BREAK_HZ = 1000.0
BREAK_MEL = BREAK_HZ / LINEAR_HZ
STEP = np.log(6.4) / 27  # of a mel above it, as a logarithm of frequencies
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


def mels(frequency_hz: float) -> float:
    """A frequency on the mel scale."""
    if frequency_hz < BREAK_HZ:
        return frequency_hz / LINEAR_HZ
    return float(BREAK_MEL + np.log(frequency_hz / BREAK_HZ) / STEP)


def hertz(mel: np.ndarray) -> np.ndarray:
    """The frequencies, in Hz, of points on the mel scale."""
    above = BREAK_HZ * np.exp(STEP * (np.maximum(mel, BREAK_MEL) - BREAK_MEL))
    return np.where(mel < BREAK_MEL, LINEAR_HZ * mel, above)
