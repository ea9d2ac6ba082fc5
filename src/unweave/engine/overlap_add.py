"""A signal that arrives in blocks, cut into segments; their stems, joined by weighted overlap-add.

What is held is a segment and a hop of the input, and of the stems what later segments still reach:
it does not grow with the recording.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from unweave.core.plan import Plan
from unweave.types import Wave

APART_BYTES = 1 << 20  # smaller arrays are too many to request from the system one by one
# Windows has no such flags, and its maps without a file are private.
_PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}


def apart(shape: tuple[int, ...]) -> Wave:
    """An array of zeros; where it is large it lies outside the heap. Raises MemoryError.

    For sound that waits while segments are computed. Between the arrays of these it would leave
    gaps that the next ones do not fit into, and the heap would grow.
    """
    size = 4 * math.prod(shape)
    if size < APART_BYTES:
        return np.zeros(shape, np.float32)
    try:
        return np.frombuffer(mmap.mmap(-1, size, **_PRIVATE), np.float32).reshape(shape)
    except OSError as error:
        raise MemoryError(f"no {size / 1e6:.0f} MB of memory for sound") from error


def copied(wave: Wave) -> Wave:
    """A copy that lies `apart`."""
    out = apart(wave.shape)
    out[...] = wave
    return out


@dataclass(frozen=True, slots=True)
class Place:
    """Where a segment's first sample lies, and the first whose stems are kept.

    times: how often it counts; a last segment that is anchored stands for several of the grid.
    span: the samples of its window, where that is shorter than what is kept.
    """

    start: int
    kept: int
    times: int = 1
    span: int = 0


def segments(blocks: Iterable[Wave], plan: Plan) -> Iterator[tuple[Wave, Place]]:
    """Cut blocks `(..., time)` into the segments of a plan."""
    held: Wave | None = None  # the last segment that is complete, and what came since
    origin = plan.start(0) - plan.hop  # where `held` begins
    filled = plan.offset + plan.hop
    index = 0
    for block in blocks:
        if held is None:
            held = apart((*block.shape[:-1], plan.length + plan.hop))
        while block.shape[-1]:
            piece = block[..., : held.shape[-1] - filled]
            held[..., filled : filled + piece.shape[-1]] = piece
            filled += piece.shape[-1]
            block = block[..., piece.shape[-1] :]
            if filled == held.shape[-1]:
                start, stop, kept = plan.contents(index)
                yield copied(held[..., start - origin : stop - origin]), Place(start, kept)
                index += 1
                held[..., : plan.length] = held[..., plan.hop :].copy()
                origin, filled = origin + plan.hop, plan.length
    if held is None:
        return
    length, count = origin + filled, plan.count(origin + filled)
    while index < count:
        start, stop, kept = plan.contents(index, length)
        times = count - index if plan.edge == "anchored" else 1
        wave = _between(held[..., :filled], start - origin, stop - origin)
        if plan.edge == "reflect" and length - start > plan.length // 2:
            known = length - start
            wave[..., known:] = wave[..., 2 * known - plan.length - 1 : known - 1][..., ::-1]
        span = plan.weighed(index, length)
        yield wave, Place(start, kept, times, span if span < plan.kept else 0)
        index += times


def _between(wave: Wave, start: int, stop: int) -> Wave:
    """The samples `start` to `stop` of a wave, zeros where it has none."""
    out = apart((*wave.shape[:-1], stop - start))
    first, last = max(0, start), min(stop, wave.shape[-1])
    if first < last:
        out[..., first - start : last - start] = wave[..., first:last]
    return out


class Reflected:
    """Blocks with `border` samples of their mirror image before and after, to be read once.

    A signal that is no longer than two borders stays as it is; `border` is then 0.
    """

    def __init__(self, blocks: Iterable[Wave], border: int) -> None:
        self._blocks = iter(blocks)
        self.border = border

    def __iter__(self) -> Iterator[Wave]:
        if not self.border:
            yield from self._blocks
            return
        early: list[Wave] = []
        while sum(block.shape[-1] for block in early) <= 2 * self.border:
            block = next(self._blocks, None)
            if block is None:
                self.border = 0
                yield from early
                return
            early.append(block)
        first = np.concatenate(early, axis=-1)
        yield first[..., self.border : 0 : -1]
        yield first
        last = first
        for block in self._blocks:
            yield block
            last = np.concatenate([last[..., -self.border - 1 :], block], axis=-1)
        yield last[..., -self.border - 1 : -1][..., ::-1]


class OverlapAdd:
    """Adds the stems of segments where they belong, and hands out what no later one reaches."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._weights = plan.weights()
        self._stems = _Sum(plan.start(0) + plan.context)
        self._total = None if plan.sums_to_one else _Sum(self.done)

    @property
    def done(self) -> int:
        """The first sample that was not handed out yet."""
        return self._stems.done

    def add(self, stems: Wave, place: Place) -> Wave:
        """Stems `(..., time)` of the segment at a place in, the next finished samples out."""
        plan, weights = self._plan, self._weights
        if place.span:
            weights = plan.weights(place.span)
        first = place.kept - place.start
        kept = stems[..., first : first + plan.kept] if first >= 0 else stems[..., :0]
        if kept.shape[-1] < plan.kept:
            kept = _between(stems, first, first + plan.kept)
        if weights is not None:
            kept = np.multiply(kept, weights, out=apart(kept.shape))
        # A last segment that is anchored may begin anywhere behind the start of this one.
        until = place.kept + (0 if plan.edge == "anchored" else plan.hop)
        if self._total is None:
            return self._stems.add(kept, place.kept, until)
        total = np.ones(plan.kept, np.float32) if weights is None else weights
        if place.times > 1:
            kept, total = kept * np.float32(place.times), total * np.float32(place.times)
        finished = self._stems.add(kept, place.kept, until)
        finished /= self._total.add(total.copy(), place.kept, until)
        return finished

    def rest(self) -> Wave | None:
        """What is finished when no segment comes any more, if it is not all handed out."""
        if self._total is None or self._stems.tail is None or self._total.tail is None:
            return None
        finished = self._stems.tail
        finished /= self._total.tail
        self._stems.done += finished.shape[-1]
        return finished


class _Sum:
    """Overlapping arrays `(..., time)` that are added where they lie."""

    def __init__(self, done: int) -> None:
        self.done = done
        self.tail: Wave | None = None  # sums from `done` on

    def add(self, wave: Wave, start: int, until: int) -> Wave:
        """Add `wave` at the sample `start`, in place; the sums before `until`, which are final."""
        if self.tail is not None and self.tail.shape[-1]:
            length, offset = self.tail.shape[-1], start - self.done
            if offset or length > wave.shape[-1]:
                wave = _between(wave, -offset, max(length - offset, wave.shape[-1]))
            wave[..., :length] += self.tail
        self.tail = copied(wave[..., until - self.done :])
        finished, self.done = wave[..., : until - self.done], until
        return finished
