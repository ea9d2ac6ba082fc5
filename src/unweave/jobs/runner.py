"""Run the jobs of a batch: skip what is finished, name what fails, go on with the rest.

One at a time in this process, or several at a time in child processes. The separator is loaded when
the first job needs it, and once per process; torch is not imported before that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from unweave.core.status import Status
from unweave.errors import Cancelled
from unweave.jobs.attempt import Outcome, Worker, attempt, cancelled, failed, settled, worker
from unweave.jobs.plan import Job
from unweave.jobs.pool import Todo, Watcher, run_in_processes
from unweave.jobs.turns import tidy
from unweave.request import SeparationRequest
from unweave.types import ShouldStop

Pool = Callable[[Todo, Worker, Watcher, int, ShouldStop], Iterator[Outcome]]
"""Does what is to do, as `pool.run_in_processes`."""


def run(
    jobs: Sequence[Job],
    request: SeparationRequest,
    watcher: Watcher,
    *,
    workers: int = 1,
    pool: Pool | None = None,
    should_stop: ShouldStop = lambda: False,
) -> list[Outcome]:
    """Separate every job; the outcomes are in the order of `jobs`.

    workers: child processes, each with one file at a time and its share of the processor's cores;
    with 1 this process does the work. pool: does it instead of them. Raises CannotLoadError when
    the separator cannot be loaded.
    """
    pending = _unfinished(jobs, request, watcher, should_stop)
    return run_all(jobs, pending, partial(worker, request), watcher, workers, should_stop, pool)


def run_all(
    jobs: Sequence[Job],
    todo: Todo,
    worker: Worker,
    watcher: Watcher,
    workers: int,
    should_stop: ShouldStop,
    pool: Pool | None = None,
) -> list[Outcome]:
    """Do what is `todo` of the jobs; the outcomes are in the order of `jobs`.

    A job that does not come out of `todo` is cancelled. Raises CannotLoadError.
    """
    workers = min(workers, len(jobs))
    work = pool or (run_in_processes if workers > 1 else _run_here)
    outcomes: dict[Path, Outcome] = {}
    for outcome in work(todo, worker, watcher, workers, should_stop):
        watcher.finished(outcome)
        assert outcome.job is not None
        outcomes[outcome.job.report] = outcome
    return [outcomes.get(job.report) or cancelled(job) for job in jobs]


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """0 when all is well, 130 when interrupted, the failures' own code when they agree, else 1."""
    if any(outcome.status is Status.CANCELLED for outcome in outcomes):
        return Cancelled.exit_code
    codes = {outcome.exit_code for outcome in outcomes if outcome.status is Status.FAILED}
    everything_failed = all(outcome.status is Status.FAILED for outcome in outcomes)
    if everything_failed and len(codes) == 1:
        return codes.pop()
    return 1 if codes else 0


def _unfinished(
    jobs: Sequence[Job], request: SeparationRequest, watcher: Watcher, should_stop: ShouldStop
) -> Todo:
    """The jobs that need work, one when asked for; the outcome of those that do not."""
    for job in jobs:
        if should_stop():
            return
        try:
            _, outcome = settled(job, request)
            if outcome is not None:
                tidy(job)
        except Exception as error:
            outcome = failed(job, error)
        if outcome is not None:
            yield outcome
        else:
            watcher.started(job)
            yield job


def _run_here(
    todo: Todo, worker: Worker, watcher: Watcher, _workers: int, should_stop: ShouldStop
) -> Iterator[Outcome]:
    from unweave.engine.executor import Executor

    work = worker(Executor(keep_models=1))
    for job in todo:
        if isinstance(job, Outcome):
            yield job
        else:
            yield attempt(work, job, partial(watcher.progress, job), should_stop)
