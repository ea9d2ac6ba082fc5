"""The numbers behind a spectrogram, made from blocks as they go by.

Every column of pixels is the mean power of the frames that fall into it. When there are too many
columns, neighbours are joined, so memory does not grow with length and the length need not be
known. Rows are spaced by the logarithm of frequency.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from unweave.types import Wave

_COLUMNS = 1600  # at most; at least half of that for a long file
_ROWS = 320
_LOWEST_HZ = 40.0
_WINDOW_S = 0.06
_EMPTY_DB = -200.0


@dataclass(frozen=True, slots=True)
class Picture:
    """One panel: `power_db (row, column)` in dB re a full-scale sine, lowest frequency first."""

    title: str
    power_db: npt.NDArray[np.float32]
    edges_hz: npt.NDArray[np.float64]  # of the rows: one more than there are rows
    duration_s: float


def picture_of(title: str, blocks: Iterable[Wave], sample_rate_hz: int) -> Picture:
    """The picture of a wave that arrives in blocks `(channel, time)`; channels are averaged."""
    size = 2 ** round(np.log2(max(16.0, _WINDOW_S * sample_rate_hz)))
    hop = size // 4
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    edges_hz = _edges_hz(sample_rate_hz)
    bands = _bands(edges_hz, size, sample_rate_hz)
    scale = (2.0 / window.sum()) ** 2  # a full-scale sine is 0 dB
    columns = _Columns()
    rest: Wave | None = None
    length = 0
    for block in blocks:
        length += block.shape[-1]
        # Half a window of silence at both ends: column n is centred on frame n.
        start = np.zeros((block.shape[0], size // 2), np.float32) if rest is None else rest
        rest = _add_frames(np.concatenate([start, block], -1), window, hop, bands, scale, columns)
    if rest is not None:
        padded = np.pad(rest, ((0, 0), (0, size - size // 2)))
        _add_frames(padded, window, hop, bands, scale, columns)
    power = columns.mean()
    db = 10.0 * np.log10(np.maximum(power, 10.0 ** (_EMPTY_DB / 10.0)))
    return Picture(title, db.astype(np.float32).T, edges_hz, length / sample_rate_hz)


def _add_frames(
    wave: Wave,
    window: npt.NDArray[np.float32],
    hop: int,
    bands: npt.NDArray[np.float32],
    scale: float,
    columns: _Columns,
) -> Wave:
    """Add the whole frames of `wave` to `columns`; returns what the next block still needs."""
    size = len(window)
    if wave.shape[-1] < size:
        return wave
    frames = np.lib.stride_tricks.sliding_window_view(wave, size, axis=-1)[:, ::hop]
    for first in range(0, frames.shape[1], 64):
        some = np.nan_to_num(frames[:, first : first + 64], nan=0.0, posinf=0.0, neginf=0.0)
        spectrum = np.fft.rfft(some * window, axis=-1)
        power = (spectrum.real**2 + spectrum.imag**2).mean(axis=0) * scale
        columns.add(power.astype(np.float32) @ bands)
    return wave[:, frames.shape[1] * hop :].copy()


class _Columns:
    """Sums of neighbouring frames; when there are too many columns, pairs of them become one."""

    def __init__(self) -> None:
        self.sums: list[npt.NDArray[np.float64]] = []
        self.counts: list[int] = []
        self.frames_each = 1

    def add(self, frames: npt.NDArray[np.float32]) -> None:
        """Add `(frame, row)` powers."""
        for frame in frames:
            if self.counts and self.counts[-1] < self.frames_each:
                self.sums[-1] += frame
                self.counts[-1] += 1
                continue
            if len(self.sums) == _COLUMNS:
                self.sums = [a + b for a, b in zip(self.sums[::2], self.sums[1::2], strict=True)]
                self.counts = [2 * self.frames_each] * len(self.sums)
                self.frames_each *= 2
            self.sums.append(frame.astype(np.float64))
            self.counts.append(1)

    def mean(self) -> npt.NDArray[np.float64]:
        if not self.sums:
            return np.zeros((1, _ROWS))
        return np.stack(self.sums) / np.asarray(self.counts)[:, None]


def _edges_hz(sample_rate_hz: int) -> npt.NDArray[np.float64]:
    highest_hz = sample_rate_hz / 2
    return np.geomspace(min(_LOWEST_HZ, highest_hz / 4), highest_hz, _ROWS + 1)


def _bands(
    edges_hz: npt.NDArray[np.float64], size: int, sample_rate_hz: int
) -> npt.NDArray[np.float32]:
    """Weights `(bin, row)` that turn the power of bins into that of rows.

    Low rows lie between two bins and are interpolated; high rows are the mean of many.
    """
    centres_hz = np.sqrt(edges_hz[:-1] * edges_hz[1:])
    bin_hz = sample_rate_hz / size
    bins_hz = np.arange(size // 2 + 1) * bin_hz
    half_width_hz = np.maximum(bin_hz, np.diff(edges_hz))
    weights = np.clip(1.0 - np.abs(bins_hz[:, None] - centres_hz) / half_width_hz, 0.0, None)
    return (weights / weights.sum(axis=0)).astype(np.float32)
