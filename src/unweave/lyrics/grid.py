"""Beats of a song for games, and their times.

A beat is a quarter of what a beat per minute is: `time = gap + beat * 60 / (4 * BPM)`, as in "The
UltraStar File Format", section "The #BPM header" (the value is implicitly quadrupled).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

FINE_BPM = 1500.0  # a beat of 10 ms


@dataclass(frozen=True)
class Grid:
    """Beat 0 lies at `gap_s`; `tempos` has beats and the BPM from there on, the first for all
    that lies before it, too. Raises ValueError for a tempo that is none.
    """

    gap_s: float = 0.0
    tempos: tuple[tuple[float, float], ...] = ((0.0, FINE_BPM),)

    def __post_init__(self) -> None:
        if not self.tempos or any(not 0 < bpm < 1e6 for _, bpm in self.tempos):
            raise ValueError("a tempo is a number of beats per minute above 0")
        if any(one >= other for (one, _), (other, _) in pairwise(self.tempos)):
            raise ValueError("tempos change in the order of beats")

    @property
    def bpm(self) -> float:
        """The tempo at the beginning."""
        return self.tempos[0][1]

    def time_s(self, beat: float) -> float:
        """Of a beat, which may be negative or a fraction."""
        n = max(0, bisect_right(self._beats, beat) - 1)
        return self._times_s[n] + (beat - self._beats[n]) * _beat_s(self.tempos[n][1])

    def beat(self, time_s: float) -> float:
        """At a time; the inverse of `time_s`."""
        n = max(0, bisect_right(self._times_s, time_s) - 1)
        return self._beats[n] + (time_s - self._times_s[n]) / _beat_s(self.tempos[n][1])

    def shifted(self, by_s: float) -> Grid:
        return Grid(self.gap_s + by_s, self.tempos)

    @cached_property
    def _beats(self) -> Sequence[float]:
        return [beat for beat, _ in self.tempos]

    @cached_property
    def _times_s(self) -> Sequence[float]:
        """When each tempo begins."""
        first = self.gap_s + self._beats[0] * _beat_s(self.bpm)
        steps = ((b - a) * _beat_s(bpm) for (a, bpm), (b, _) in pairwise(self.tempos))
        return list(accumulate(steps, initial=first))


def _beat_s(bpm: float) -> float:
    return 60 / (4 * bpm)
