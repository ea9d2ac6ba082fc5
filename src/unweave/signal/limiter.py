"""A true-peak limiter: what would rise above a ceiling is made quieter around its peaks.

The wave is looked at between its samples (ITU-R BS.1770-4, Annex 2), and a parabola through three
places stands for what lies between those. The gain that a peak needs is held for HELD_S before and
after it, then rises by RELEASE_DB_S, linear in dB (Giannoulis, Massberg, Reiss, Digital dynamic
range compressor design, 2012), and is smoothed by a window that is no longer than what was held:
the gain has come down when the peak comes. It is worked out ahead of the samples, so that nothing
is late. Where nothing is near the ceiling it is one, and samples keep their bits.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import soxr

from unweave.signal.blocks import in_blocks, windows
from unweave.types import Wave

HELD_S = 0.005
RELEASE_DB_S = 60.0
HIGHEST_HZ = 2_000_000  # SIZE has room for what is held
TIMES = 4  # places that are looked at for each sample
SIZE = 1 << 16  # samples looked at together, however they come, so that the bytes are the same
EDGE = 512  # of them at each end, which are faded out
_FADE = np.sin(np.linspace(0, np.pi / 2, EDGE)) ** 2

Array = npt.NDArray[np.float64]


class Limiter:
    """`limited` gives what is pushed through it; then `reduction_db` is the most it was reduced."""

    def __init__(self, sample_rate_hz: int, ceiling: float) -> None:
        """ceiling: of the true peak, 1.0 being full scale. Raises ValueError for what cannot be."""
        if not 0 < sample_rate_hz < HIGHEST_HZ or not 0 < ceiling < np.inf:
            raise ValueError(f"cannot limit to {ceiling} at {sample_rate_hz} Hz")
        self.reduction_db = 0.0
        self._ceiling = ceiling
        self._held = max(1, round(HELD_S * sample_rate_hz))
        self._slope_db = RELEASE_DB_S / sample_rate_hz
        window = np.hanning(2 * self._held + 1)[1:-1]  # no weight is zero
        self._window = window / window.sum()
        self._last_db = 0.0  # the gain with which the next stretch goes on, before it is smoothed

    def limited(self, blocks: Iterator[Wave]) -> Iterator[Wave]:
        """The same samples, limited, in blocks of other sizes. To be called once.

        blocks: of tracks `(track, channel, time)`, finite, of any length. The channels of the first
        track decide the gain, which all tracks get, so that sums stay sums.
        """
        context = 2 * self._held + EDGE
        for window in windows(in_blocks(blocks, SIZE - 2 * context), context):
            gain_db = self._gain_db(window[0])
            inside = window[..., context : window.shape[-1] - context]
            self.reduction_db = max(self.reduction_db, -float(gain_db.min(initial=0.0)))
            yield inside * np.float32(10) ** (gain_db / 20).astype(np.float32)

    def _gain_db(self, wave: Wave) -> Array:
        """Of the samples within the context of `wave`, `(channel, time)`."""
        held = self._held
        peaks = between(wave)[EDGE + 1 : -EDGE - 1]
        needed_db = np.minimum(0.0, 20 * np.log10(self._ceiling / np.maximum(peaks, 1e-30)))
        lowest_db = _lowest(needed_db, 2 * held + 1)
        slope_db = self._slope_db * np.arange(len(lowest_db) + 1)
        rising_db = np.concatenate([[self._last_db], lowest_db]) - slope_db
        released_db = np.minimum(lowest_db, (np.minimum.accumulate(rising_db) + slope_db)[1:])
        self._last_db = float(released_db[1 - 2 * held])
        return np.convolve(released_db, self._window, "valid")


def between(wave: Wave) -> Array:
    """The highest absolute value from each sample to the next, `(time,)`, of all channels.

    wave: `(channel, time)`, up to SIZE samples. Its ends, EDGE samples, are faded out before.
    """
    length = wave.shape[1]
    faded = wave.astype(np.float64)
    faded[:, :EDGE] *= _FADE
    faded[:, length - EDGE :] *= _FADE[::-1]
    spectra = TIMES * np.fft.rfft(faded, SIZE)
    found = np.abs(np.fft.irfft(spectra, TIMES * SIZE)).max(axis=0)[: TIMES * length]
    # Meters filter the wave on the way, and may find other peaks where it is full of treble.
    rows = np.ascontiguousarray(faded.T, np.float32)
    metered = np.abs(soxr.resample(rows, 1, TIMES, quality="HQ")).max(axis=1)[: TIMES * length]
    return np.maximum(_topped(found), _topped(metered)).reshape(length, TIMES).max(axis=1)


def _topped(found: Array) -> Array:
    """Values with those of their parabolas' tops, where they are the highest of three."""
    before, after = np.append(found[:1], found[:-1]), np.append(found[1:], found[-1:])
    bend = 2 * found - before - after
    top = (found >= before) & (found >= after) & (bend > 0)
    tops = found.astype(np.float64)
    tops[top] += (after - before)[top] ** 2 / (8 * bend[top])
    return tops


def _lowest(values: Array, width: int) -> Array:
    """The lowest of each `width` neighbours: `width - 1` fewer than `values`."""
    done = 1
    while done < width:
        step = min(done, width - done)
        values = np.minimum(values[:-step], values[step:])
        done += step
    return values
