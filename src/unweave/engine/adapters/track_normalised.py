"""The whole recording's mean and deviation are taken out before and put back behind, as by Demucs.

Both are those of the mean of the channels. They are known when all of the recording was read, so it
is read twice. A network may have another measure of the level, which is divided out likewise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from unweave.core.plan import Plan
from unweave.engine.adapters.select import Around
from unweave.engine.compose import AnySeparator, Run
from unweave.engine.overlap_add import segments
from unweave.engine.signal import Signal
from unweave.errors import UsageError
from unweave.types import Spec, Wave

LEAST = 1e-8  # is added to the deviation

Measure: TypeAlias = "Callable[[Iterable[Wave]], tuple[Wave, Wave]]"


@dataclass(frozen=True)
class TrackNormalised(Around):
    """A separator that gets every recording at one level.

    measure: of blocks `(group, channel, time)`, what is taken out and what is divided by, each
    `(group, 1, 1)`.
    """

    measure: Measure | None = None  # None: mean and deviation

    @property
    def spec(self) -> Spec:
        spec = self.separator.spec
        # The mean is put back on every stem; the complement is what the others leave.
        additive = spec.additive and spec.complement is not None
        return replace(spec, needs_track_stats=True, additive=additive)

    def separate(self, mix: Signal, run: Run) -> Iterator[Wave]:
        if mix.again is None:
            raise UsageError(
                f"{self.spec.name} needs the level of the whole recording, which cannot be read "
                "twice; save it to a file first"
            )
        mean, deviation = (self.measure or statistics)(mix.again())
        scale = deviation + np.float32(LEAST)
        normal = mix.each(lambda block: (block - mean) / scale)
        for stems in run(self.separator, normal).blocks:
            yield stems * scale[:, None] + mean[:, None]


def around(make: Callable[..., AnySeparator], *members: AnySeparator) -> AnySeparator:
    """What `make` makes of members that are called with segments.

    Where all of them want recordings at one level, the whole does, and they are made so once.
    """
    inner = [each for each in members if isinstance(each, TrackNormalised)]
    if inner and len(inner) == len(members) and all(e.measure == inner[0].measure for e in inner):
        return replace(inner[0], separator=around(make, *(each.separator for each in inner)))
    return make(*members)


@dataclass(frozen=True)
class Highest:
    """A measure: nothing is taken out, and divided is by the highest level of any segment.

    level: of a segment `(group, channel, time)`, as `plan` cuts them, its level `(group,)`.
    """

    plan: Plan
    level: Callable[[Wave], Wave]

    def __call__(self, blocks: Iterable[Wave]) -> tuple[Wave, Wave]:
        highest = np.zeros(1, np.float32)
        for wave, _ in segments(blocks, self.plan):
            highest = np.maximum(highest, self.level(wave))
        return np.zeros((1, 1, 1), np.float32), _column(highest)


def statistics(blocks: Iterable[Wave]) -> tuple[Wave, Wave]:
    """Mean and deviation of the mean of the channels, `(group, 1, 1)` each, of `(group, channel,
    time)`."""
    count, mean, squares = 0, np.zeros(1), np.zeros(1)
    for block in blocks:
        wave = block.mean(1, dtype=np.float64)
        length = wave.shape[-1]
        if length:
            own = wave.mean(-1)
            away, both = own - mean, count + length
            squares = squares + ((wave - own[:, None]) ** 2).sum(-1)
            squares = squares + away**2 * (count * length / both)
            mean, count = mean + away * (length / both), both
    deviation = np.sqrt(squares / max(1, count - 1))
    return _column(mean), _column(deviation)


def _column(values: NDArray[np.floating]) -> Wave:
    return values.astype(np.float32)[:, None, None]
