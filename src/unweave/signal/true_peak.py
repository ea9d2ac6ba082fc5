"""True peak of a stream of blocks (ITU-R BS.1770-4, Annex 2): the highest value between samples.

A wave may rise above its samples before the next. It is seen by looking at more places: at four
times the rate, or fewer where the rate is as high as that already.
"""

from __future__ import annotations

import numpy as np
import soxr

from unweave.types import Wave

ENOUGH_HZ = 160_000


class TruePeak:
    """Push blocks, then `finish`; 1.0 is full scale. Samples have to be finite."""

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        if sample_rate_hz < 1 or channels < 1:
            raise ValueError(f"cannot measure {channels} channels at {sample_rate_hz} Hz")
        times = next((n for n in (1, 2) if n * sample_rate_hz >= ENOUGH_HZ), 4)
        self._channels = channels
        self._peak = 0.0
        self._stream = (
            None
            if times == 1
            else soxr.ResampleStream(
                sample_rate_hz, times * sample_rate_hz, channels, dtype="float32", quality="HQ"
            )
        )

    def push(self, block: Wave) -> None:
        """Take the next samples, `(channel, time)`, of any length. Raises ValueError for others."""
        if block.ndim != 2 or block.shape[0] != self._channels:
            raise ValueError(f"expected ({self._channels}, time), got shape {block.shape}")
        if block.shape[1]:
            self._look(block)
            self._between(block, last=False)

    def finish(self) -> float:
        """The peak of all samples. The stream is over afterwards."""
        self._between(np.zeros((self._channels, 0), np.float32), last=True)
        self._stream = None
        return self._peak

    def _between(self, block: Wave, *, last: bool) -> None:
        if self._stream is not None:
            rows = np.ascontiguousarray(block.T, np.float32)
            # soxr takes one channel as a flat array.
            self._look(
                self._stream.resample_chunk(rows if self._channels > 1 else rows[:, 0], last=last)
            )

    def _look(self, wave: Wave) -> None:
        self._peak = max(self._peak, float(wave.max(initial=0.0)), -float(wave.min(initial=0.0)))
