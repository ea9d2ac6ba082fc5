"""Run the jobs of a batch: skip what is finished, name what fails, go on with the rest.

One at a time in this process, or several at a time in child processes. The separator is loaded when
the first job needs it, and once per process; torch is not imported before that.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from unweave.apps.batch.finished import State, state
from unweave.apps.batch.plan import Job, Settings
from unweave.core.errors import Cancelled, OutputError, UnweaveError
from unweave.core.status import Status
from unweave.io.files import advice, shown

if TYPE_CHECKING:
    from unweave.core.types import OnProgress, Progress, Separator, ShouldStop


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one recording."""

    source: Path
    status: Status
    job: Job | None = None  # None: there was nothing to plan, as for a missing file
    report: dict[str, Any] | None = None  # of a file that is done or skipped
    error: str = ""  # one line that names the file
    error_kind: str = ""  # the class of the error
    exit_code: int = 0
    details: str = ""  # the traceback of an error nobody foresaw


class Watcher(Protocol):
    """Who wants to know how the batch goes on."""

    def started(self, job: Job) -> None: ...
    def progress(self, job: Job, progress: Progress) -> None: ...
    def finished(self, outcome: Outcome) -> None: ...


def run(
    jobs: Sequence[Job],
    settings: Settings,
    watcher: Watcher,
    *,
    overwrite: bool = False,
    at_once: int = 1,
    should_stop: ShouldStop = lambda: False,
) -> list[Outcome]:
    """Separate every job; the outcomes are in the order of `jobs`.

    `at_once` > 1 works on that many files at a time in child processes, sharing the processor's
    cores among them. Raises CannotLoadError when the separator cannot be loaded.
    """
    from unweave.apps.batch.pool import run_in_processes

    pending = _unfinished(jobs, settings, watcher, overwrite, should_stop)
    work = run_in_processes if min(at_once, len(jobs)) > 1 else _run_here
    outcomes: dict[Path, Outcome] = {}
    for outcome in work(pending, settings, watcher, min(at_once, len(jobs)), should_stop):
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


Todo = Iterator[Job | Outcome]  # a job to do, or one that is settled without work
Work = Callable[[Job, "OnProgress", "ShouldStop"], dict[str, Any]]  # raises what goes wrong


def worker(settings: Settings) -> Work:
    """A function that separates one job; it loads the separator at its first call and keeps it."""
    loaded: list[Separator] = []

    def work(job: Job, on_progress: OnProgress, should_stop: ShouldStop) -> dict[str, Any]:
        def load() -> Separator:
            if not loaded:
                loaded.append(_load(settings))
            return loaded[0]

        return call_engine(job, settings, load, on_progress, should_stop)

    return work


def call_engine(
    job: Job,
    settings: Settings,
    load: Callable[[], Separator],
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
) -> dict[str, Any]:
    """Separate one job and return its report. Raises what the engine raises."""
    from unweave.engine.run import separate_file

    return separate_file(
        job.source,
        job.outputs,
        job.report,
        load,
        format=settings.format,
        bit_depth=settings.bit_depth,
        device=settings.device,
        batch=settings.batch,
        max_memory_mb=settings.max_memory_mb,
        seed=settings.seed,
        replace=True,
        on_progress=on_progress,
        should_stop=should_stop,
    )


class CannotLoadError(UnweaveError):
    """The separator cannot be loaded, so no file can be done; carries that error's exit code."""

    def __init__(self, message: str, kind: str, exit_code: int) -> None:
        super().__init__(message, kind, exit_code)
        self.kind = kind
        self.exit_code = exit_code

    def __str__(self) -> str:
        return str(self.args[0])


def _load(settings: Settings) -> Separator:
    from unweave.apps import options

    try:
        return options.load(settings.model, settings.options)
    except UnweaveError as error:
        raise CannotLoadError(str(error), type(error).__name__, error.exit_code) from error
    except Exception as error:
        kind = type(error).__name__
        message = f"{settings.model}: cannot be loaded: unexpected {kind}: {error}"
        raise CannotLoadError(message, kind, 1) from error


def attempt(work: Work, job: Job, on_progress: OnProgress, should_stop: ShouldStop) -> Outcome:
    """Do one job; every error but CannotLoadError becomes an outcome that names the file."""
    made = _missing_folders(job)
    report = None
    try:
        report = work(job, on_progress, should_stop)
    except CannotLoadError:
        raise
    except Cancelled:
        return cancelled(job)
    except Exception as error:
        return failed(job, error)
    finally:
        if report is None:
            for folder in made:
                with suppress(OSError):  # not made, or not empty: another job's
                    folder.rmdir()
    return Outcome(source=job.source, job=job, status=Status.DONE, report=report)


def _missing_folders(job: Job) -> list[Path]:
    """The folders that the job would have to make, deepest first."""
    folders = {folder for file in job.files for folder in file.parents if not folder.exists()}
    return sorted(folders, key=lambda folder: len(folder.parts), reverse=True)


def failed(job: Job, error: Exception) -> Outcome:
    """The outcome of a job that ended in `error`."""
    name = shown(job.source)
    if isinstance(error, UnweaveError):
        message, details = str(error), ""
    elif isinstance(error, OSError):
        message, details = f"{name}: {advice(error)}", ""
    else:
        message = f"{name}: unexpected {type(error).__name__}: {error}"
        details = "".join(traceback.format_exception(error))
    return Outcome(
        source=job.source,
        job=job,
        status=Status.FAILED,
        error=message if job.source.name in message or name in message else f"{name}: {message}",
        error_kind=type(error).__name__,
        exit_code=getattr(error, "exit_code", 1),
        details=details,
    )


def cancelled(job: Job) -> Outcome:
    """The outcome of a job that was stopped, or never begun, because the caller asked to stop."""
    return Outcome(
        source=job.source,
        job=job,
        status=Status.CANCELLED,
        error=f"{shown(job.source)}: interrupted",
        error_kind=Cancelled.__name__,
        exit_code=Cancelled.exit_code,
    )


def finished_report(job: Job, settings: Settings, *, overwrite: bool) -> dict[str, Any] | None:
    """The report of a job that is done already; None for one that is to be done.

    With `overwrite` every job is to be done. Raises OutputError when files are in the way.
    """
    if overwrite:
        return None
    found, report, why = state(job, settings)
    if found is State.IN_THE_WAY:
        raise OutputError(
            f"{shown(job.source)}: {shown(job.report.parent)} {why}; "
            "use --overwrite, or another folder with -o"
        )
    return report


def _unfinished(
    jobs: Sequence[Job],
    settings: Settings,
    watcher: Watcher,
    overwrite: bool,
    should_stop: ShouldStop,
) -> Todo:
    """The jobs that need work, one when asked for; the outcome of those that do not."""
    for job in jobs:
        if should_stop():
            return
        try:
            report = finished_report(job, settings, overwrite=overwrite)
            if report is not None:
                yield Outcome(source=job.source, job=job, status=Status.SKIPPED, report=report)
                continue
        except (OSError, UnweaveError) as error:
            yield failed(job, error)
            continue
        watcher.started(job)
        yield job


def _run_here(
    todo: Todo, settings: Settings, watcher: Watcher, _at_once: int, should_stop: ShouldStop
) -> Iterator[Outcome]:
    work = worker(settings)
    for job in todo:
        if isinstance(job, Outcome):
            yield job
        else:
            yield attempt(work, job, partial(watcher.progress, job), should_stop)
