"""Several tracks at a time, each in a child process that keeps the separators it has loaded.

Children are started afresh (spawn), share the processor's cores among them, and talk through a
pipe. One that is killed (out of memory, for instance) fails only its entry; what is left of its
track goes to another. To stop, children are killed, and they end by themselves where the parent is
killed: files of scores appear whole or not at all.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import Any

from unweave.core.ending import described, leave_to_parent
from unweave.errors import UnweaveError
from unweave.evaluation.work import Job, Outcome, Request, Scorer, failed
from unweave.types import ShouldStop

_context = multiprocessing.get_context("spawn")
# How many threads the libraries below numpy, scipy and torch take; they look when first imported.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(slots=True)
class _Child:
    process: Any
    pipe: Connection
    job: Job | None = None
    done: int = 0  # entries of the job


def run_in_processes(
    jobs: Iterable[Job], request: Request, workers: int, should_stop: ShouldStop
) -> Iterator[Outcome]:
    """Outcomes as they come; none for what `should_stop` left undone."""
    from unweave.engine.limits import cores

    threads = max(1, cores() // workers)
    queue = deque(jobs)
    children: list[_Child] = []
    try:
        while not should_stop():
            while queue and len(_busy(children)) < workers:
                _hand(queue.popleft(), children, request, threads)
            busy = _busy(children)
            if not busy:
                return
            ready = wait([child.pipe for child in busy], timeout=0.2)
            for child in [child for child in busy if child.pipe in ready]:
                yield _listen(child, children, queue, request)
    finally:
        for child in children:
            child.process.kill()
            child.process.join()
            child.pipe.close()


def _busy(children: list[_Child]) -> list[_Child]:
    return [child for child in children if child.job is not None]


def _hand(job: Job, children: list[_Child], request: Request, threads: int) -> None:
    """Give the job to an idle child, or to a new one where none is left alive."""
    for child in [child for child in children if child.job is None]:
        try:
            child.pipe.send(job)
        except OSError:  # it died while idle, which costs nothing
            children.remove(child)
            child.process.join()
        else:
            child.job, child.done = job, 0
            return
    here, there = _context.Pipe()
    process = _context.Process(target=_child_main, args=(there, request, threads), daemon=True)
    with _limited(threads):
        process.start()
    there.close()
    here.send(job)
    children.append(_Child(process, here, job))


def _listen(child: _Child, children: list[_Child], queue: deque[Job], request: Request) -> Outcome:
    """The next outcome of a child, which has said something or has died."""
    job = child.job
    assert job is not None
    try:
        found: Outcome = child.pipe.recv()
    except (EOFError, OSError):
        children.remove(child)
        child.process.join()
        entry, *left = job.entries[child.done :]
        if left:
            queue.appendleft(Job(job.track, tuple(left)))
        return failed(
            request,
            job.track,
            entry,
            UnweaveError(f"{described(child.process.exitcode)}; use --jobs 1"),
        )
    child.done += 1
    if child.done == len(job.entries):
        child.job = None
    return found


@contextmanager
def _limited(threads: int) -> Iterator[None]:
    """What a child that is started now will read from its environment."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _child_main(pipe: Connection, request: Request, threads: int) -> None:
    leave_to_parent()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import torch

    from unweave.engine.allocator import keep_freed_memory
    from unweave.engine.resources import choose_device

    keep_freed_memory()
    torch.set_num_threads(threads)
    if choose_device(request.device) == "cpu":
        request = replace(request, batch=threads)
    scorer = Scorer(request)
    try:
        while True:
            for outcome in scorer.run(pipe.recv()):
                pipe.send(outcome)
    except (EOFError, OSError):
        return  # the parent is gone, or has no more work


def _end_with_parent() -> None:
    """A parent that was killed cannot say so; what it had begun is begun again by the next run."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
