"""A signal that arrives in blocks, and what is done to such signals: split, joined, resampled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import tee

import numpy as np

from unweave.audio.resampler import Resampler
from unweave.types import Wave


@dataclass(frozen=True, slots=True)
class Signal:
    """Blocks `(..., time)` at a sample rate, to be taken once.

    again: reads the signal anew, from its beginning; None where that cannot be done. in_turn: who
    share it take it one after another and not in step, so that each reads it anew.
    """

    blocks: Iterator[Wave]
    sample_rate_hz: int
    again: Callable[[], Iterator[Wave]] | None = None
    in_turn: bool = False

    def through(self, change: Callable[[Signal], Iterator[Wave]]) -> Signal:
        """What `change` makes of this signal, however often it is read."""
        again = self.again
        if again is None:
            return replace(self, blocks=change(self))
        return replace(
            self, blocks=change(self), again=lambda: change(replace(self, blocks=again()))
        )

    def each(self, change: Callable[[Wave], Wave]) -> Signal:
        """The signal with every block changed."""
        return self.through(lambda signal: map(change, signal.blocks))

    def split(self, count: int) -> list[Signal]:
        """The same signal `count` times. What one has taken and another has not waits in memory,
        unless they take it in turn."""
        if self.in_turn and self.again is not None:
            return [self, *(replace(self, blocks=_read(self.again)) for _ in range(count - 1))]
        return [replace(self, blocks=blocks) for blocks in tee(self.blocks, count)]


def _read(again: Callable[[], Iterator[Wave]]) -> Iterator[Wave]:
    """What is read when the first block is asked for."""
    yield from again()


class Fifo:
    """Blocks in, blocks of another length out, along the last axis."""

    def __init__(self) -> None:
        self.blocks: list[Wave] = []
        self.length = 0

    def push(self, block: Wave) -> None:
        self.blocks.append(block)
        self.length += block.shape[-1]

    def pop(self, length: int) -> Wave:
        """Exactly `length` samples; the caller knows that they are there."""
        taken, need = [], length
        while need:
            block = self.blocks.pop(0)
            taken.append(block[..., :need])
            if block.shape[-1] > need:
                self.blocks.insert(0, block[..., need:])
            need -= taken[-1].shape[-1]
        self.length -= length
        return taken[0] if len(taken) == 1 else np.concatenate(taken, axis=-1)


def in_step(signals: Iterable[Signal]) -> Iterator[tuple[Wave, ...]]:
    """Blocks of signals of one length, cut so that they lie side by side."""
    with ExitStack() as stack:
        waiting = [(Fifo(), signal.blocks) for signal in signals]
        for _, blocks in waiting:
            stack.callback(getattr(blocks, "close", lambda: None))
        while True:
            for fifo, blocks in waiting:
                while not fifo.length and (block := next(blocks, None)) is not None:
                    fifo.push(block)
            length = min(fifo.length for fifo, _ in waiting)
            if not length:
                break
            yield tuple(fifo.pop(length) for fifo, _ in waiting)
        if any(fifo.length for fifo, _ in waiting):
            raise ValueError("signals in step have one length")


def resampled(blocks: Iterable[Wave], from_hz: int, to_hz: int) -> Iterator[Wave]:
    """The same blocks `(..., time)` at another rate; untouched where the rates agree."""
    if from_hz == to_hz:
        yield from blocks
        return
    resampler: Resampler | None = None
    lead: tuple[int, ...] = ()
    for block in blocks:
        if resampler is None:
            lead = block.shape[:-1]
            resampler = Resampler(from_hz, to_hz, int(np.prod(lead)))
        if not block.shape[-1]:
            continue
        out = resampler.push(block.reshape(-1, block.shape[-1]))
        if out.shape[-1]:
            yield out.reshape(*lead, -1)
    if resampler is not None:
        out = resampler.flush()
        if out.shape[-1]:
            yield out.reshape(*lead, -1)
