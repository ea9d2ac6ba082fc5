"""Several files at a time, each in a child process that keeps its own separator.

Children are started afresh (spawn) and share nothing with the parent but a pipe, so one that is
killed can leave no lock behind. Jobs come down the pipe. None, or its end, means stop: a thread in
the child sees it and ends a child that does not stop by itself, as inside a long computation. A
child that is killed (out of memory, for instance) fails only the file it was working on, and a new
child takes the next file.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from unweave.audio.files import shown
from unweave.core import atomic
from unweave.core.ending import described, end_now, leave_to_parent
from unweave.errors import UnweaveError
from unweave.jobs.plan import Job
from unweave.jobs.runner import (
    CannotLoadError,
    Outcome,
    Todo,
    Watcher,
    attempt,
    cancelled,
    failed,
    worker,
)
from unweave.jobs.turns import missing_folders
from unweave.request import SeparationRequest

if TYPE_CHECKING:
    from unweave.types import Progress, ShouldStop

_context = multiprocessing.get_context("spawn")
_PROGRESS_EVERY_S = 0.1
_PATIENCE_S = 2.5  # for a child that should stop


@dataclass(slots=True)
class _Child:
    process: Any
    pipe: Connection
    job: Job | None = None
    stopping: bool = False


def run_in_processes(
    todo: Todo, request: SeparationRequest, watcher: Watcher, workers: int, should_stop: ShouldStop
) -> Iterator[Outcome]:
    """Outcomes as they come. Raises CannotLoadError when no file can be done."""
    from unweave.engine.limits import cores

    threads = max(1, cores() // workers)
    children: list[_Child] = []
    made: set[Path] = set()  # folders of the jobs that were not there before
    exhausted = False
    try:
        while True:
            while not exhausted and len(_busy(children)) < workers:
                item = next(todo, None)
                if item is None:
                    exhausted = True
                elif isinstance(item, Outcome):
                    yield item
                else:
                    made.update(missing_folders(item))
                    _hand(item, children, request, threads, made)
            busy = _busy(children)
            if not busy:
                return
            if should_stop():
                _stop(busy)
            for child in busy:
                yield from _listen(child, children, watcher)
            wait([child.pipe for child in _busy(children)], timeout=0.2)
    finally:
        _end(children)
        atomic.remove_empty(
            made
        )  # of two children that end at once, neither removes the folder of both


def _busy(children: list[_Child]) -> list[_Child]:
    return [child for child in children if child.job is not None]


def _hand(
    job: Job, children: list[_Child], request: SeparationRequest, threads: int, made: set[Path]
) -> None:
    """Give the job to an idle child, or to a new one where none is left alive.

    made: the folders that are not of before, which the last process that ends removes if empty.
    """
    for child in [child for child in children if child.job is None]:
        try:
            child.pipe.send((job, made))
        except OSError:  # it died while idle, which costs no file
            children.remove(child)
            child.process.join()
        else:
            child.job, child.stopping = job, False
            return
    here, there = _context.Pipe()
    process = _context.Process(target=_child_main, args=(there, request, threads), daemon=True)
    process.start()
    there.close()
    with suppress(OSError):  # it has died at once, which `_listen` finds out
        here.send((job, made))
    children.append(_Child(process, here, job))


def _listen(child: _Child, children: list[_Child], watcher: Watcher) -> Iterator[Outcome]:
    job = child.job
    assert job is not None
    try:
        while child.job is not None and child.pipe.poll():
            message = child.pipe.recv()
            if isinstance(message, Outcome):
                child.job = None
                yield message
            elif isinstance(message, CannotLoadError):
                raise message
            else:
                watcher.progress(job, message)
    except (EOFError, OSError):
        children.remove(child)
        child.process.join()
        if child.stopping:
            yield cancelled(job)
            return
        yield failed(
            job,
            UnweaveError(
                f"{shown(job.source)}: {described(child.process.exitcode)}; "
                "use --jobs 1 or --max-memory"
            ),
        )


def _stop(children: list[_Child]) -> None:
    for child in children:
        if not child.stopping:
            child.stopping = True
            try:
                child.pipe.send(None)
            except OSError:
                pass  # it has died; `_listen` says so


def _end(children: list[_Child]) -> None:
    for child in children:
        child.pipe.close()
    deadline = time.monotonic() + 5.0
    for child in children:
        child.process.join(max(0.0, deadline - time.monotonic()))
        if child.process.is_alive():
            child.process.kill()
            child.process.join()


def _child_main(pipe: Connection, request: SeparationRequest, threads: int) -> None:
    from unweave.engine.allocator import keep_freed_memory

    leave_to_parent()
    keep_freed_memory()  # before the first thread, so that there is one heap
    jobs: SimpleQueue[Job | None] = SimpleQueue()
    stopped = Event()
    Thread(target=_obey, args=(pipe, jobs, stopped), daemon=True).start()
    import torch

    from unweave.engine.executor import Executor

    torch.set_num_threads(threads)
    work = worker(request, Executor(threads=threads, keep_models=1))
    try:
        while not stopped.is_set() and (job := jobs.get()) is not None:
            try:
                pipe.send(attempt(work, job, _Throttled(pipe), stopped.is_set))
            except CannotLoadError as error:
                pipe.send(error)
                return
    except OSError:
        atomic.remove_empty(atomic.shared_folders)  # the parent is gone, which would do it


def _obey(pipe: Connection, jobs: SimpleQueue[Job | None], stopped: Event) -> None:
    """Take jobs from the parent until it says stop or is gone; then end what does not stop."""
    try:
        while (message := pipe.recv()) is not None:
            job, made = message
            atomic.shared_folders.update(made)
            jobs.put(job)
        patience_s = _PATIENCE_S
    except (EOFError, OSError):
        patience_s = 0.0 if _parent_is_gone() else _PATIENCE_S
    stopped.set()
    jobs.put(None)
    time.sleep(patience_s)
    end_now(1)


def _parent_is_gone() -> bool:
    parent = multiprocessing.parent_process()
    return parent is None or not parent.is_alive()


class _Throttled:
    """Sends progress to the parent, a few times a second at most."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self.last_s = 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self.last_s >= _PROGRESS_EVERY_S:
            self.last_s = now
            try:
                self.pipe.send(progress)
            except OSError:
                pass  # the parent is gone: `should_stop` ends the work
