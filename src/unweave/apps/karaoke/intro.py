"""When a voice comes in, how much of a long intro is cut, and how the rest fades in."""

from __future__ import annotations

import math
from array import array

import numpy as np

from unweave.types import Wave

HOP_S = 0.1
BELOW_DB = 20.0  # under its loud places, a voice is not sung yet
LOUD = 0.95  # the share of hops that are not louder than what counts as loud
STEADY = 3  # hops with the voice, of that many and two more, make it a word and no leak
ABSENT_DB = -40.0  # of the recording: what is lower is no voice
FADE_S = 1.0


class Presence:
    """Follows a voice through a recording: push blocks, then ask. One number for each 100 ms."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._hop = max(1, round(HOP_S * sample_rate_hz))
        self._rate_hz = sample_rate_hz
        self._hops = array("d")
        self._open = 0.0  # energy of the last hop so far
        self._filled = 0
        self._voice = 0.0
        self._mix = 0.0

    def push(self, mix: Wave, voice: Wave) -> None:
        """The recording and its voice, `(channel, time)` each, of equal length."""
        power = np.square(voice, dtype=np.float64).sum(0)
        self._voice += float(power.sum())
        self._mix += float(np.square(mix, dtype=np.float64).sum())
        at = 0
        while at < power.size:
            taken = power[at : at + self._hop - self._filled]
            self._open += float(taken.sum())
            self._filled += taken.size
            at += taken.size
            if self._filled == self._hop:
                self._hops.append(self._open)
                self._open, self._filled = 0.0, 0

    def level_db(self) -> float:
        """The energy of the voice against the recording's, in dB; -inf for silence."""
        if self._voice <= 0 or self._mix <= 0:
            return -math.inf
        return 10 * math.log10(self._voice / self._mix)

    def is_there(self) -> bool:
        """Whether there is a voice at all."""
        return self.level_db() > ABSENT_DB

    def onset_s(self) -> float | None:
        """When it comes in; None where there is none."""
        hops = np.frombuffer(self._hops, np.float64)
        if not self.is_there() or not hops.size:
            return None
        loud = float(np.quantile(hops[hops > 0], LOUD)) if (hops > 0).any() else 0.0
        sung = hops > loud * 10 ** (-BELOW_DB / 10)
        span = STEADY + 2
        for n in np.flatnonzero(sung):
            if sung[n : n + span].sum() >= min(STEADY, hops.size - n):
                return float(n) * self._hop / self._rate_hz
        return None


def cut_s(first_word_s: float | None, longest_s: float | None) -> float:
    """How much of the beginning goes, so that at most `longest_s` are left before the words."""
    if first_word_s is None or longest_s is None:
        return 0.0
    return max(0.0, first_word_s - longest_s)


def fade(position: int, length: int, size: int) -> Wave:
    """The gains `(time,)` of `size` samples from `position` on of a fade-in of `length` samples."""
    place = (np.arange(position, position + size) + 0.5) / max(1, length)
    return np.asarray(np.sin(np.pi / 2 * np.clip(place, 0, 1)) ** 2, np.float32)


def fade_length(longest_s: float, rate_hz: int) -> int:
    """Samples of the fade after a cut: at most half of what is left before the words."""
    return round(min(FADE_S, longest_s / 2) * rate_hz)
