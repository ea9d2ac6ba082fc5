"""Convert a stream that changes its sample rate or channels to the format of its first samples.

Joined MP3s and broadcasts do this. A later part at another rate is resampled to the first rate.
One channel is copied to all; many into one are averaged; otherwise channels keep their places,
missing ones are silent and surplus ones are left out.
"""

from __future__ import annotations

import numpy as np

from unweave.audio.resampler import Resampler
from unweave.types import Wave


def match_channels(wave: Wave, channels: int) -> Wave:
    """`(any, time)` -> `(channels, time)` by the rule above."""
    have = wave.shape[0]
    if have == channels:
        return wave
    if have == 1:
        return np.repeat(wave, channels, axis=0)
    if channels == 1:
        mean: Wave = wave.mean(axis=0, keepdims=True, dtype=np.float32)
        return mean
    return np.pad(wave[:channels], ((0, max(channels - have, 0)), (0, 0)))


class FormatConverter:
    """Gives `rate_hz` and `channels` throughout; `changes` describes what it converts."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._rate_hz = rate_hz
        self._channels = channels
        self._resampler = Resampler(rate_hz, rate_hz, channels)
        self._seen = {(rate_hz, channels)}
        self.changes: list[str] = []

    def push(self, wave: Wave, rate_hz: int) -> Wave:
        """Take the next decoded `(channel, time)` at `rate_hz`, return what is ready."""
        if (rate_hz, wave.shape[0]) not in self._seen:
            self._seen.add((rate_hz, wave.shape[0]))
            self.changes.append(
                f"changes to {rate_hz} Hz, {wave.shape[0]} channel(s) on the way; "
                f"all of it is given at {self._rate_hz} Hz, {self._channels} channel(s)"
            )
        wave = match_channels(wave, self._channels)
        if rate_hz == self._resampler.from_hz:
            return self._resampler.push(wave)
        before = self.flush()
        self._resampler = Resampler(rate_hz, self._rate_hz, self._channels)
        return np.concatenate([before, self._resampler.push(wave)], axis=1)

    def flush(self) -> Wave:
        """What the resampler still holds, `(channel, time)`."""
        return self._resampler.flush()
