"""A marked place: what a restoration changes, kept within some time and some frequencies.

The change is what is restored minus what was there. It is filtered with a linear phase, faded in
and out inside the place, and added to the recording: outside of it every sample keeps its bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unweave.types import Wave

CONTEXT_S = 10.0  # that the tools get on both sides
FADE_S = 0.005
EDGE_HZ = 100.0  # of a band, or less where that is narrow: the width of its flanks
_STOP = 3.3  # hertz seconds of a Hamming window's flank

Restore = Callable[[Wave], Wave]


@dataclass(frozen=True)
class Place:
    """start, end: samples. band_hz: None for all."""

    start: int
    end: int
    band_hz: tuple[float, float] | None

    def excerpt(self, sample_rate_hz: int) -> tuple[int, int]:
        """The samples that the tools get."""
        around = round(CONTEXT_S * sample_rate_hz)
        return max(0, self.start - around), self.end + around


def kept_within(blocks: Iterator[Wave], place: Place, change: Wave, first: int) -> Iterator[Wave]:
    """The blocks with `change (channel, time)`, whose first sample is `first` in the recording."""
    at = 0
    for block in blocks:
        low, high = max(at, place.start), min(at + block.shape[1], place.end)
        if low < high:
            block = block.copy()
            block[:, low - at : high - at] += change[:, low - first : high - first]
        at += block.shape[1]
        yield block


def limited(change: Wave, place: Place, first: int, sample_rate_hz: int) -> Wave:
    """A change of an excerpt from sample `first` on, in the place's band, and only in its time."""
    if place.band_hz is not None:
        taps = band(place.band_hz, sample_rate_hz)
        size = 1 << (change.shape[1] + len(taps) - 2).bit_length()
        spectra = np.fft.rfft(change.astype(np.float64), size) * np.fft.rfft(taps, size)
        late = len(taps) // 2
        whole = np.fft.irfft(spectra, size)[:, late : late + change.shape[1]]
    else:
        whole = change.astype(np.float64)
    weights = np.zeros(change.shape[1])
    start, end = place.start - first, min(place.end - first, change.shape[1])
    weights[start:end] = 1.0
    fade = min(round(FADE_S * sample_rate_hz), (end - start) // 2)
    if fade:
        ramp = np.sin(np.pi / 2 * (np.arange(fade) + 0.5) / fade) ** 2
        weights[start : start + fade] = ramp
        weights[end - fade : end] = ramp[::-1]
    return (whole * weights).astype(np.float32)


def band(band_hz: tuple[float, float], sample_rate_hz: int) -> npt.NDArray[np.float64]:
    """A linear-phase band-pass: an odd number of taps, half gain at the ends of the band."""
    low_hz, high_hz = band_hz
    edge_hz = max(5.0, min(EDGE_HZ, (high_hz - low_hz) / 2))
    count = 2 * int(np.ceil(_STOP / edge_hz * sample_rate_hz / 2)) + 1
    n = np.arange(count) - count // 2
    taps = np.zeros(count)
    for hz, sign in ((min(high_hz, sample_rate_hz / 2), 1.0), (low_hz, -1.0)):
        share = 2 * hz / sample_rate_hz
        taps += sign * share * np.sinc(share * n)
    return taps * np.hamming(count)
