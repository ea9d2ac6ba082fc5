"""Several files at a time, each in a child process that keeps its own models.

A child that dies costs only the file it was working on: that file is named and a new child takes
the next one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from unweave.core import atomic
from unweave.core.children import Children, Parent
from unweave.errors import UnweaveError
from unweave.jobs.attempt import CannotLoadError, Outcome, Worker, attempt, cancelled, failed
from unweave.jobs.plan import Job
from unweave.jobs.turns import missing_folders

if TYPE_CHECKING:
    from unweave.types import Progress, ShouldStop

_PROGRESS_EVERY_S = 0.1
_PATIENCE_S = 2.5  # for a child that should stop

Todo = Iterator[Job | Outcome]  # a job to do, or one that is settled without work


class Watcher(Protocol):
    """Callbacks for the progress of a batch."""

    def started(self, job: Job) -> None: ...
    def progress(self, job: Job, progress: Progress) -> None: ...
    def finished(self, outcome: Outcome) -> None: ...


def run_in_processes(
    todo: Todo, worker: Worker, watcher: Watcher, workers: int, should_stop: ShouldStop
) -> Iterator[Outcome]:
    """Outcomes as they come. Raises CannotLoadError when no file can be done."""
    from unweave.engine.limits import cores

    children = Children(_child_main, worker, max(1, cores() // workers))
    # Folders of the jobs that were not there before: of two children that end at once, neither
    # removes the folder of both, and the last process that ends removes all that are empty.
    made: set[Path] = set()
    try:
        while True:
            while len(children.busy) < workers and (item := next(todo, None)) is not None:
                if isinstance(item, Outcome):
                    yield item
                else:
                    made.update(missing_folders(item))
                    children.hand((item, made))
            if not children.busy:
                return
            if should_stop():
                children.stop()
            for child, message in children.listen():
                job, _ = child.job
                if isinstance(message, Outcome):
                    child.job = None
                    yield message
                elif isinstance(message, CannotLoadError):
                    raise message
                elif message is not None:
                    watcher.progress(job, message)
                elif child.stopping:
                    yield cancelled(job)
                else:
                    yield failed(job, UnweaveError(f"{child.ended} or --max-memory"))
    finally:
        children.end(2 * _PATIENCE_S)
        atomic.remove_empty(made)


def _child_main(pipe: Connection, worker: Worker, threads: int) -> None:
    from unweave.engine.allocator import settle

    settle()  # before the first thread, so that there is one heap
    parent = Parent(pipe, _PATIENCE_S)
    import torch

    from unweave.engine.executor import Executor

    torch.set_num_threads(threads)
    work = worker(Executor(threads=threads, keep_models=1))
    last_s = 0.0

    def progress(at: Progress) -> None:
        """Tell the parent, a few times a second at most."""
        nonlocal last_s
        if time.monotonic() - last_s >= _PROGRESS_EVERY_S:
            last_s = time.monotonic()
            parent.tell(at)

    for job, made in parent.jobs():
        atomic.shared_folders.update(made)
        try:
            parent.tell(attempt(work, job, progress, parent.stopped.is_set))
        except CannotLoadError as error:
            parent.tell(error)
            return
