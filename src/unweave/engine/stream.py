"""Blocks of a mix in, blocks of its stems out, in memory that the segment sets and not the song.

The blocks are cut into segments, workers turn segments into stems, and an overlap-add joins them
again in order. On a CPU each worker runs one segment on one thread: that keeps every
core busy through the small operations between the large ones, and it makes the result independent
of how many cores there are. Accelerators take whole batches, one copy there and one back.

torch is imported only when there is work for it: decoding begins before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from unweave.core.plan import Plan
from unweave.engine.overlap_add import OverlapAdd, Place, Reflected, copied, segments
from unweave.engine.workers import Workers
from unweave.types import Wave

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = 1 << 16  # samples handed on at once: what is done to them next stays in the cache

Call = Callable[["Tensor", int], "Tensor"]
"""One batch of segments `(batch, channel, time)` and its sample rate to stems of its length."""
Work = Callable[[Wave], Wave]
Warn = Callable[[str], None]
OnBatch = Callable[[int], None]


def stream(
    separator: Call,
    blocks: Iterable[Wave],
    plan: Plan | None,
    sample_rate_hz: int,
    *,
    device: str,
    batch: int,
    warn: Warn,
    on_batch: OnBatch | None = None,
    workers: Workers | None = None,
) -> Iterator[Wave]:
    """Stems of a mix that arrives in blocks.

    separator: what is called with one batch of segments and the sample rate. blocks: `(group,
    channel, time)`; groups of channels are separated independently of each other. batch: segments
    at work at once; on_batch: told when memory allows fewer. workers: threads that others may
    share, as many as `batch` where none are given. Yields `(group, stem, channel, time)` blocks
    that add up to exactly the samples that came in. Without a plan the whole mix is collected and
    separated at once.
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

    extended = Reflected(counted(), plan.shared if plan.edge == "reflect" else 0)
    places: deque[Place] = deque()

    def inputs() -> Iterator[Wave]:
        for wave, place in segments(extended, plan):
            places.append(place)
            yield wave

    if device == "cpu":
        separated = _on_threads(call, inputs(), batch, workers or Workers(batch))
    else:
        separated = _in_batches(call, inputs(), batch, device, warn, on_batch)
    join = OverlapAdd(plan)

    def inside(finished: Wave) -> Wave:
        """Of samples that end where `join` is, those of the mix; its length is final by then."""
        first = join.done - finished.shape[-1] - extended.border
        return finished[..., max(0, -first) : max(0, length - first)]

    for stems in separated:
        yield from pieces(inside(join.add(stems, places.popleft())))
    rest = join.rest()
    if rest is not None:
        yield from pieces(inside(rest))


def pieces(wave: Wave) -> Iterator[Wave]:
    """The same samples in blocks of at most BLOCK."""
    for first in range(0, wave.shape[-1], BLOCK):
        yield wave[..., first : first + BLOCK]


def _call(separator: Call, sample_rate_hz: int, device: str, mix: Wave) -> Wave:
    """One copy to the device, one call, one copy back."""
    import torch

    with torch.inference_mode():
        stems = separator(torch.from_numpy(mix).to(device), sample_rate_hz)
        return np.asarray(stems.to("cpu", torch.float32).numpy())


def _on_threads(call: Work, parts: Iterable[Wave], batch: int, workers: Workers) -> Iterator[Wave]:
    pending: deque[list[Future[Wave]]] = deque()
    # One more waits where the threads are as many as may be at work, so that none is ever idle.
    most = batch + 1 if batch >= workers.count else batch

    def kept(part: Wave) -> Wave:
        return copied(call(part))  # which may wait for those of the segments before

    def result() -> Wave:
        done = [job.result() for job in pending.popleft()]
        return done[0] if len(done) == 1 else np.concatenate(done)

    with workers.at_work() as pool:
        at_work: set[Future[Wave]] = set()
        try:
            for part in parts:
                jobs: list[Future[Wave]] = []
                pending.append(jobs)
                for n in range(part.shape[0]):
                    if len(at_work) >= most:
                        _, at_work = wait(at_work, return_when=FIRST_COMPLETED)
                    jobs.append(pool.submit(kept, part[n : n + 1]))
                    at_work.add(jobs[-1])
                if sum(map(len, pending)) > batch + 1:
                    yield result()
            while pending:
                yield result()
        finally:
            for job in at_work:
                job.cancel()
            wait(at_work)


def _in_batches(
    call: Work,
    parts: Iterable[Wave],
    batch: int,
    device: str,
    warn: Warn,
    on_batch: OnBatch | None = None,
) -> Iterator[Wave]:
    import torch

    waiting: deque[Wave] = deque()
    done: deque[Wave] = deque()
    groups = 1

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
        groups = part.shape[0]
        waiting.extend(part[n : n + 1] for n in range(groups))
        while len(waiting) >= batch:
            work(batch)
        while len(done) >= groups:
            yield np.concatenate([done.popleft() for _ in range(groups)])
    while waiting:
        work(batch)
    while done:
        yield np.concatenate([done.popleft() for _ in range(groups)])
