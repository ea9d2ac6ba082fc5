"""Change the sample rate of a stream of blocks: nothing is lost, nothing is late.

libsoxr's very-high-quality filter is linear in phase and libsoxr takes its own delay out, so the
first sample out lies on the first sample in. What is left to do here is the exact length: n samples
become `resampled_length(n, ...)`, and how the stream was cut into blocks makes no difference.
"""

from __future__ import annotations

import numpy as np
import soxr

from unweave.types import Wave


def resampled_length(length: int, from_hz: int, to_hz: int) -> int:
    """`length * to_hz / from_hz` rounded to the nearest integer, halves up, without floats."""
    return (2 * length * to_hz + from_hz) // (2 * from_hz)


class Resampler:
    """One stream of `channels` channels from `from_hz` to `to_hz`.

    `push` every block in turn, then `flush` once; together they return exactly
    `resampled_length(samples pushed)` samples. Equal rates pass blocks through untouched.
    """

    def __init__(self, from_hz: int, to_hz: int, channels: int) -> None:
        if from_hz <= 0 or to_hz <= 0 or channels <= 0:
            raise ValueError(f"rates and channels must be positive: {from_hz}, {to_hz}, {channels}")
        self.from_hz = from_hz
        self.to_hz = to_hz
        self.channels = channels
        self._taken = 0
        self._given = 0
        self._soxr = (
            None
            if from_hz == to_hz
            else soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32", quality="VHQ")
        )

    def push(self, block: Wave) -> Wave:
        """Take `(channel, time)`, return what is ready: `(channel, time)`, possibly no samples."""
        if block.ndim != 2 or block.shape[0] != self.channels:
            raise ValueError(f"block must be ({self.channels}, time), got shape {block.shape}")
        if self._soxr is None:
            return block
        self._taken += block.shape[1]
        if block.shape[1] == 0:
            return np.zeros((self.channels, 0), np.float32)
        return self._bounded(self._chunk(block, last=False))

    def flush(self) -> Wave:
        """Return the rest, `(channel, time)`. The stream is over afterwards."""
        if self._soxr is None or self._taken == 0:
            return np.zeros((self.channels, 0), np.float32)
        rest = self._bounded(self._chunk(np.zeros((self.channels, 0), np.float32), last=True))
        missing = resampled_length(self._taken, self.from_hz, self.to_hz) - self._given
        self._given += missing
        return np.pad(rest, ((0, 0), (0, missing))) if missing else rest

    def _chunk(self, block: Wave, *, last: bool) -> Wave:
        assert self._soxr is not None
        interleaved = np.ascontiguousarray(block.T, np.float32)
        if self.channels == 1:
            interleaved = interleaved[:, 0]  # soxr takes one channel as a flat array
        made = self._soxr.resample_chunk(interleaved, last=last)
        return np.ascontiguousarray(made.reshape(-1, self.channels).T)

    def _bounded(self, wave: Wave) -> Wave:
        """Never give more than the exact length: libsoxr may round the other way."""
        room = resampled_length(self._taken, self.from_hz, self.to_hz) - self._given
        wave = wave[:, : max(room, 0)]
        self._given += wave.shape[1]
        return wave
