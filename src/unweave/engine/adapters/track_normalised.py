"""The whole recording's mean and deviation are taken out before and put back behind, as by Demucs.

Both are those of the mean of the channels. They are known when all of the recording was read, so it
is read twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unweave.engine.adapters.select import Around
from unweave.engine.compose import AnySeparator, Run
from unweave.engine.signal import Signal
from unweave.errors import UsageError
from unweave.types import Spec, Wave

LEAST = 1e-8  # is added to the deviation


@dataclass(frozen=True)
class TrackNormalised(Around):
    """A separator that gets every recording at one level."""

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
        mean, deviation = statistics(mix.again())
        scale = deviation + np.float32(LEAST)
        normal = mix.each(lambda block: (block - mean) / scale)
        for stems in run(self.separator, normal).blocks:
            yield stems * scale[:, None] + mean[:, None]


def around(make: Callable[..., AnySeparator], *members: AnySeparator) -> AnySeparator:
    """What `make` makes of members that are called with segments.

    Where all of them want recordings at one level, the whole does, and they are made so once.
    """
    inner = [each.separator for each in members if isinstance(each, TrackNormalised)]
    if members and len(inner) == len(members):
        return TrackNormalised(around(make, *inner))
    return make(*members)


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


def _column(values: NDArray[np.float64]) -> Wave:
    return values.astype(np.float32)[:, None, None]
