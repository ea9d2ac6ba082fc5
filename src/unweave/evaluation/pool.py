"""Several tracks at a time, each in a child process that keeps the separators it has loaded.

Children share the processor's cores among them. One that is killed fails only the entry it was
working on; what is left of its track goes to another. To stop, children are killed, and they end by
themselves where the parent is killed: files of scores appear whole or not at all.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection

from unweave.core.children import Children, Parent
from unweave.errors import UnweaveError
from unweave.evaluation.work import Job, Outcome, Request, Scorer, failed
from unweave.types import ShouldStop

# How many threads the libraries below numpy, scipy and torch take; they look when first imported.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run_in_processes(
    jobs: Iterable[Job], request: Request, workers: int, should_stop: ShouldStop
) -> Iterator[Outcome]:
    """Outcomes as they come; none for what `should_stop` left undone."""
    from unweave.engine.limits import cores

    threads = max(1, cores() // workers)
    queue = deque(jobs)
    children = Children(_child_main, request, threads)
    try:
        while not should_stop():
            while queue and len(children.busy) < workers:
                with _limited(threads):
                    children.hand(queue.popleft())
            if not children.busy:
                return
            for child, found in children.listen():
                job: Job = child.job
                entry, *others = job.entries
                child.job = left = replace(job, entries=tuple(others)) if others else None
                if found is None:
                    found = failed(request, job.track, entry, UnweaveError(child.ended))
                    if left is not None:
                        queue.appendleft(left)
                yield found
    finally:
        children.end()


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
    from unweave.engine.allocator import settle

    settle()  # before the first thread, so that there is one heap
    parent = Parent(pipe)
    import torch

    from unweave.engine.executor import Executor

    torch.set_num_threads(threads)
    scorer = Scorer(request, executor=Executor(threads=threads))
    for job in parent.jobs():
        for outcome in scorer.run(job):
            parent.tell(outcome)
