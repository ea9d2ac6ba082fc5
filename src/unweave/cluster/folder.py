"""The files of one `unweave separate` on Ray's actors instead of child processes."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain

from unweave.cluster import actor, pool, session
from unweave.cluster.workers import Workers
from unweave.engine.executor import Executor
from unweave.errors import UnweaveError
from unweave.jobs import Job, Outcome, Watcher, attempt
from unweave.jobs.pool import Todo
from unweave.jobs.runner import Pool
from unweave.request import Execution
from unweave.types import ShouldStop


def on_ray(address: str, number: int | None, execution: Execution) -> Pool:
    """What `jobs.run` does its work with on the cluster at `address`; number: of actors.

    Every machine of the cluster has the same folders. It raises CannotLoadError where no file can
    be done, UsageError, WorkersError.
    """
    workers = Workers(ray=address, actors=number)

    def work(
        todo: Todo, worker: attempt.Worker, watcher: Watcher, _: int, should_stop: ShouldStop
    ) -> Iterator[Outcome]:
        settled: deque[Outcome] = deque()

        def jobs() -> Iterator[Job]:
            for item in todo:
                if isinstance(item, Outcome):
                    settled.append(item)
                else:
                    yield item

        left = jobs()
        first = next(left, None)
        yield from _all(settled)
        if first is None:
            return
        with session.cluster(workers.ray) as found:
            actors, cpus, gpus = workers.on(found, execution)
            start = actor.starter(
                partial(_one_at_a_time, worker, os.getcwd()), cpus=cpus, gpus=gpus, each=1
            )
            for end in pool.results(
                chain([first], left), start, actors=actors, each=1, should_stop=should_stop
            ):
                yield from _all(settled)
                if end is not None and end.died:
                    yield attempt.failed(end.task, UnweaveError(end.died))
                elif end is not None:
                    yield end.result
        yield from _all(settled)

    return work


def _all(settled: deque[Outcome]) -> Iterator[Outcome]:
    while settled:
        yield settled.popleft()


def _one_at_a_time(
    worker: attempt.Worker, folder: str, executor: Executor
) -> Callable[[Job], Outcome]:
    os.chdir(folder)  # which the names of files are taken from
    work = worker(executor)
    return lambda job: attempt.attempt(work, job, lambda at: None, lambda: False)
