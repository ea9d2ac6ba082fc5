"""The mean over several positions of the segments, as the `shifts` of Demucs.

The recording is separated `count` times with up to `most_s` of zeros before it, as many as the seed
says, so that segments lie elsewhere each time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from unweave.engine.adapters.select import Around
from unweave.engine.compose import AnySeparator, Run
from unweave.engine.signal import Signal, in_step
from unweave.errors import UsageError
from unweave.types import Spec, Wave

MOST, MOST_S = 1000, 60  # more would be a mistake


@dataclass(frozen=True)
class Shifts(Around):
    """A separator, and how often it is run."""

    count: int = 1
    seed: int = 0
    most_s: float = 0.5

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UsageError(f"shifts must be at least 1; got {self.count}")
        if self.count > MOST or not 0 <= self.most_s <= MOST_S:
            raise UsageError(
                f"shifts: count must be at most {MOST}, most_s at least 0 and at most {MOST_S}; "
                f"got {self.count}, {self.most_s:g}"
            )

    @property
    def members(self) -> tuple[AnySeparator, ...]:
        return (self.separator,) * self.count

    @property
    def spec(self) -> Spec:
        return self.separator.spec

    def separate(self, mix: Signal, run: Run) -> Iterator[Wave]:
        draw, most = random.Random(self.seed), int(self.most_s * mix.sample_rate_hz)
        shifted = []
        for reading in mix.split(self.count):
            zeros = most - draw.randint(0, most)
            stems = run(self.separator, reading.through(partial(_later, zeros)))
            shifted.append(stems.through(partial(_earlier, zeros)))
        for found in in_step(shifted):
            yield sum(found[1:], found[0]) / np.float32(self.count)


def _later(zeros: int, signal: Signal) -> Iterator[Wave]:
    for n, block in enumerate(signal.blocks):
        if n == 0 and zeros:
            yield np.zeros((*block.shape[:-1], zeros), np.float32)
        yield block


def _earlier(skipped: int, signal: Signal) -> Iterator[Wave]:
    for block in signal.blocks:
        yield block[..., skipped:]
        skipped = max(0, skipped - block.shape[-1])
