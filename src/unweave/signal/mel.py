"""The mel scale of Slaney's Auditory Toolbox (1998), as librosa computes it.

Linear below 1000 Hz, logarithmic above.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LINEAR_HZ = 200 / 3  # of a mel below the break
BREAK_HZ = 1000.0
BREAK_MEL = BREAK_HZ / LINEAR_HZ
STEP = np.log(6.4) / 27  # of a mel above it, as a logarithm of frequencies

Array = npt.NDArray[np.float64]


def mels(frequency_hz: float) -> float:
    """A frequency on the mel scale."""
    if frequency_hz < BREAK_HZ:
        return frequency_hz / LINEAR_HZ
    return float(BREAK_MEL + np.log(frequency_hz / BREAK_HZ) / STEP)


def hertz(mel: Array) -> Array:
    """The frequencies, in Hz, of points on the mel scale."""
    above = BREAK_HZ * np.exp(STEP * (np.maximum(mel, BREAK_MEL) - BREAK_MEL))
    return np.where(mel < BREAK_MEL, LINEAR_HZ * mel, above)


def triangles(count: int, sample_rate_hz: int, frame_size: int) -> Array:
    """Weights `(band, bin)` of `count` triangular filters of equal area, 0 Hz to half of the rate.

    Each rises from the centre of the band below to its own and falls to that of the band above.
    """
    bins = np.fft.rfftfreq(frame_size, 1 / sample_rate_hz)
    edges = hertz(np.linspace(0.0, mels(sample_rate_hz / 2), count + 2))[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    return np.maximum(0.0, np.minimum(rising, falling)) * 2 / (high - low)
