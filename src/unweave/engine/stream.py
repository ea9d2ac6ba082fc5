"""Blocks of a mix in, blocks of its stems out, in memory that the segment sets and not the song.

A ring buffer cuts the blocks into segments, workers turn segments into stems, and an overlap-add
joins them again in order. On a CPU each worker runs one segment on one thread: that keeps every
core busy through the small operations between the large ones, and it makes the result independent
of how many cores there are. Accelerators take whole batches, one copy there and one back.

torch is imported only when there is work for it: decoding begins before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from unweave.core.types import Separator, Wave
from unweave.engine.plan import Plan

BLOCK = 1 << 16  # samples handed on at once: what is done to them next stays in the cache

Call = Callable[[Wave], Wave]
Warn = Callable[[str], None]
OnBatch = Callable[[int], None]


def stream(
    separator: Separator,
    blocks: Iterable[Wave],
    plan: Plan | None,
    sample_rate_hz: int,
    *,
    device: str,
    batch: int,
    warn: Warn,
    on_batch: OnBatch | None = None,
) -> Iterator[Wave]:
    """Stems of a mix that arrives in blocks.

    blocks: `(row, channel, time)`; rows are separated independently of each other. batch: rows of
    segments at work at once; on_batch: told when memory allows fewer. Yields
    `(row, stem, channel, time)` blocks that add up to exactly the samples that came in. Without a
    plan the whole mix is collected and separated at once.
    """
    call = partial(_call, separator, sample_rate_hz, device)
    if plan is None:
        collected = list(blocks)
        if collected:
            yield from pieces(call(np.concatenate(collected, axis=-1)))
        return
    length = 0

    def counted() -> Iterator[Wave]:
        nonlocal length
        for block in blocks:
            length += block.shape[-1]
            yield block

    join = OverlapAdd(plan)
    offsets: deque[int] = deque()

    def heard() -> Iterator[Wave]:
        for part in segments(counted(), plan):
            offsets.append(part.offset)
            yield part.wave

    parts = heard()
    if device == "cpu":
        separated = _on_threads(call, parts, batch)
    else:
        separated = _in_batches(call, parts, batch, device, warn, on_batch)
    ready = 0
    for stems in separated:
        finished = join.add(placed(stems, offsets.popleft(), plan.segment))
        # The last segments reach past the end; `length` is final before the first of those.
        finished = finished[..., : max(0, length - ready)]
        ready += finished.shape[-1]
        yield from pieces(finished)


@dataclass(frozen=True, slots=True)
class Part:
    """What one call hears: `wave (row, channel, time)`, and where in its segment that begins."""

    wave: Wave
    offset: int = 0


def segments(blocks: Iterable[Wave], plan: Plan) -> Iterator[Part]:
    """Cut blocks `(row, channel, time)` into overlapping segments; silence before and after.

    Where the plan is not `padded`, the first is without the silence before it, and the last ones
    are the last `segment` samples that there are, or all.
    """
    ring: Wave | None = None
    past: Wave | None = None  # what left the ring last
    filled, length, count = plan.lead, 0, 0
    for block in blocks:
        if ring is None:
            ring = np.zeros((*block.shape[:-1], plan.segment), np.float32)
        length += block.shape[-1]
        while block.shape[-1]:
            piece = block[..., : plan.segment - filled]
            ring[..., filled : filled + piece.shape[-1]] = piece
            filled += piece.shape[-1]
            block = block[..., piece.shape[-1] :]
            if filled == plan.segment:
                early = 0 if plan.padded else max(0, -plan.start(count))
                yield Part(ring[..., early:].copy(), early)
                count += 1
                past = None if plan.padded else ring[..., : plan.hop].copy()
                ring[..., : -plan.hop] = ring[..., plan.hop :].copy()
                filled -= plan.hop
    if ring is None:
        return
    if plan.padded:
        while count < plan.count(length):
            ring[..., filled:] = 0.0
            yield Part(ring.copy())
            count += 1
            ring[..., : -plan.hop] = ring[..., plan.hop :].copy()
            filled = max(0, filled - plan.hop)
        return
    known = ring[..., :filled] if past is None else np.concatenate([past, ring[..., :filled]], -1)
    last = known[..., -min(length, plan.segment) :]
    for index in range(count, plan.count(length)):
        yield Part(last.copy(), length - last.shape[-1] - plan.start(index))


def placed(stems: Wave, offset: int, segment: int) -> Wave:
    """Stems of `segment` samples from some that begin at `offset` in it, before it if negative."""
    length = stems.shape[-1]
    if (offset, length) == (0, segment):
        return stems
    whole = np.zeros((*stems.shape[:-1], segment), np.float32)
    begin, end = max(0, offset), min(segment, offset + length)
    whole[..., begin:end] = stems[..., begin - offset : end - offset]
    return whole


def pieces(wave: Wave) -> Iterator[Wave]:
    """The same samples in blocks of at most BLOCK."""
    for first in range(0, wave.shape[-1], BLOCK):
        yield wave[..., first : first + BLOCK]


class OverlapAdd:
    """Adds segments where they belong and hands out what no later segment will touch."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.weights = plan.weights()
        self.count = 0
        self.tail: Wave | None = None

    def add(self, stems: Wave) -> Wave:
        """`(row, stem, channel, segment)` in, the finished `(row, stem, channel, time)` out."""
        plan = self.plan
        begin, end = plan.margin, plan.segment - plan.margin
        kept = stems[..., begin:end]
        if self.weights is not None:
            kept = kept * self.weights[begin:end]
        if self.tail is not None and plan.overlap:
            kept[..., : plan.overlap] += self.tail
        self.tail = kept[..., plan.hop :].copy()
        finished = kept[..., : plan.hop]
        # What the first segment holds before the first sample is silence and is dropped.
        early = max(0, -(plan.start(self.count) + begin))
        self.count += 1
        return finished[..., early:]


def _call(separator: Separator, sample_rate_hz: int, device: str, mix: Wave) -> Wave:
    """One copy to the device, one call, one copy back."""
    import torch

    with torch.inference_mode():
        stems = separator(torch.from_numpy(mix).to(device), sample_rate_hz)
        return np.asarray(stems.to("cpu", torch.float32).numpy())


def _on_threads(call: Call, parts: Iterable[Wave], batch: int) -> Iterator[Wave]:
    pending: deque[list[Future[Wave]]] = deque()

    def result() -> Wave:
        done = [job.result() for job in pending.popleft()]
        return done[0] if len(done) == 1 else np.concatenate(done)

    from unweave.signal.threads import one_thread_each

    with one_thread_each() as limit:
        pool = ThreadPoolExecutor(batch, "unweave", initializer=limit)
        try:
            for part in parts:
                rows = (part[n : n + 1] for n in range(part.shape[0]))
                pending.append([pool.submit(call, row) for row in rows])
                if sum(map(len, pending)) > batch + 1:
                    yield result()
            while pending:
                yield result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _in_batches(
    call: Call,
    parts: Iterable[Wave],
    batch: int,
    device: str,
    warn: Warn,
    on_batch: OnBatch | None = None,
) -> Iterator[Wave]:
    import torch

    waiting: deque[Wave] = deque()
    done: deque[Wave] = deque()
    rows = 1

    def work(count: int) -> None:
        nonlocal batch
        taken = [waiting.popleft()]
        while waiting and len(taken) < count and waiting[0].shape == taken[0].shape:
            taken.append(waiting.popleft())
        try:
            done.extend(call(np.concatenate(taken))[:, None])
        except torch.OutOfMemoryError:
            if batch == 1:
                raise
            waiting.extendleft(reversed(taken))
            batch = max(1, batch // 2)
            torch.cuda.empty_cache()
            warn(f"out of memory on {device}: going on with {batch} segments at once")
            if on_batch is not None:
                on_batch(batch)

    for part in parts:
        rows = part.shape[0]
        waiting.extend(part[n : n + 1] for n in range(rows))
        while len(waiting) >= batch:
            work(batch)
        while len(done) >= rows:
            yield np.concatenate([done.popleft() for _ in range(rows)])
    while waiting:
        work(batch)
    while done:
        yield np.concatenate([done.popleft() for _ in range(rows)])
