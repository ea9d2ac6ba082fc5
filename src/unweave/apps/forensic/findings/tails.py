"""A limit that a recording sets for itself: beyond what its own figures reach by chance.

Figures differ from recording to recording: a voice has harder sounds than an organ. The logarithms
of the highest ones of each stretch have a tail that falls like an exponential, as most tails do
(Coles, An introduction to statistical modeling of extreme values, 2001, chapter 4). Its steepness
comes from the median of what is beyond `SHARE` of the stretches, so that a few edits do not raise
it. The limit is where one of all stretches lies with the probability `ALARMS`: the longer the
recording, the higher.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

SHARE = 0.75  # of the stretches, below the tail
ALARMS = 0.02  # chance that a recording has a figure beyond its limit, without an edit
LOWEST = 0.3  # figures below are as good as none

Array = npt.NDArray[np.floating]


class Stretches:
    """The highest figure of each stretch, and its place. `length`: of a stretch, in figures."""

    def __init__(self, length: int) -> None:
        self._length = length
        self.tops, self.places = array("f"), array("q")

    def add(self, figures: Array) -> None:
        """The next stretch, `(length,)`; the last one may be shorter."""
        best = int(figures.argmax())
        self.places.append(self._length * len(self.places) + best)
        self.tops.append(float(figures[best]))

    def beyond(self, limit: float, apart: int) -> Iterator[tuple[int, float]]:
        """Places and figures at or above the limit; of those that are closer the highest."""
        waiting: tuple[int, float] | None = None
        for place, top in zip(self.places, self.tops, strict=True):
            if top < limit:
                continue
            if waiting and place - waiting[0] >= apart:
                yield waiting
                waiting = None
            if waiting is None or top > waiting[1]:
                waiting = place, top
        if waiting:
            yield waiting


def limit(highest: npt.ArrayLike, usual: float, weight: float) -> float:
    """The limit for a recording of which `highest`, `(stretch,)`, has the figures.

    usual: the steepness of the tail in most recordings, as nepers by which figures grow where they
    become e times rarer; weight: how many stretches of a tail it counts for, as short recordings
    say little about theirs.
    """
    levels = np.log(np.maximum(np.asarray(highest, np.float64), LOWEST))
    if not levels.size:
        return math.inf
    begin = float(np.quantile(levels, SHARE))
    beyond = levels[levels > begin] - begin
    own = float(np.median(beyond)) / math.log(2) if beyond.size else 0.0
    steepness = (beyond.size * own + weight * usual) / (beyond.size + weight)
    stretches = max(levels.size * (1 - SHARE), ALARMS)
    return math.exp(begin + steepness * math.log(stretches / ALARMS))
