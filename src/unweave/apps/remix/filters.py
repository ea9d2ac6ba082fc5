"""Linear-phase filters from gains in dB over frequency, and their use without delay.

The taps are the inverse transform of the wanted gain, weighted with a Hann window: what changes
within some ten hertz becomes smooth. They are symmetric and are applied centred, so that nothing
is late.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from unweave.types import Wave

Array = npt.NDArray[np.float64]
Gain = Callable[[Array], Array]
"""Frequencies in Hz, all above 0, to gains in dB."""

HALF_S = 0.09  # taps on each side of the middle, at the least
PIVOT_HZ = 1000.0
TILTED_HZ = 31.25, 16_000.0  # a tilt goes on between these, and stays level beyond


def half_length(sample_rate_hz: int) -> int:
    """Taps on each side of the middle: a power of two."""
    return 1 << int(np.ceil(np.log2(HALF_S * sample_rate_hz)))


def taps(gain: Gain, sample_rate_hz: int) -> Array:
    """A filter with `gain`: `(2 * half_length + 1,)`, symmetric."""
    half = half_length(sample_rate_hz)
    size = 8 * half
    hz: Array = np.fft.rfftfreq(size, 1 / sample_rate_hz).astype(np.float64)
    hz[0] = hz[1]
    response = np.fft.irfft(10 ** (gain(hz) / 20), size)
    window = np.hanning(2 * half + 3)[1:-1]  # no tap is zero
    return np.roll(response, half)[: 2 * half + 1] * window


def filtered(wave: Wave, taps: Array) -> Wave:
    """`(..., time)` through a symmetric filter, centred: what comes out is not late.

    Beyond both ends is silence.
    """
    length, half = wave.shape[-1], len(taps) // 2
    size = 1 << int(np.ceil(np.log2(length + len(taps))))
    product = np.fft.rfft(wave, size) * np.fft.rfft(taps, size)
    return np.fft.irfft(product, size)[..., half : half + length].astype(np.float32)


def tilted(db_per_octave: float) -> Gain:
    """So many dB more for each octave above 1 kHz, and less for each below."""

    def gain(hz: Array) -> Array:
        return db_per_octave * np.log2(np.clip(hz, *TILTED_HZ) / PIVOT_HZ)

    return gain
