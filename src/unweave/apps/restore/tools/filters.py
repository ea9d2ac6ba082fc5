"""Linear-phase filters of the tools, applied centred, so that nothing is late."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unweave.types import Wave

Array = npt.NDArray[np.float64]

BLACKMAN = 5.5  # the width of its transition, in samples of the spectrum of its length


def low_pass(edge_hz: float, width_hz: float, sample_rate_hz: int) -> Array:
    """Taps, symmetric, of sum one: `edge_hz` is in the middle of a transition `width_hz` wide."""
    half = int(np.ceil(BLACKMAN / width_hz * sample_rate_hz / 2))
    place = np.arange(-half, half + 1)
    taps = np.sinc(2 * edge_hz / sample_rate_hz * place) * np.blackman(2 * half + 3)[1:-1]
    return taps / taps.sum()


def band_pass(low_hz: float, high_hz: float, width_hz: float, sample_rate_hz: int) -> Array:
    """Taps, symmetric. What lies above half the rate is let through."""
    lower = low_pass(low_hz, width_hz, sample_rate_hz)
    upper = np.zeros_like(lower)
    upper[len(lower) // 2] = 1.0
    if high_hz + width_hz < sample_rate_hz / 2:
        upper = low_pass(high_hz, width_hz, sample_rate_hz)
    return upper - lower


def inside(wave: Wave | Array, taps: Array) -> Array:
    """`(channel, time)` through symmetric taps, where they lie inside it: `len(taps) - 1` fewer."""
    length, ends = wave.shape[-1], len(taps) - 1
    size = 1 << int(np.ceil(np.log2(max(2, length))))
    product = np.fft.rfft(wave.astype(np.float64), size) * np.fft.rfft(taps, size)
    return np.fft.irfft(product, size)[..., ends:length]
