"""One job: what is finished is skipped, what fails becomes an outcome that names the file."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.core.files import advice, shown
from unweave.core.status import Status
from unweave.engine.limits import enough_memory
from unweave.errors import Cancelled, InTheWayError, UnweaveError
from unweave.jobs.plan import Job
from unweave.jobs.resume import Existing, State, look, release
from unweave.jobs.turns import clear, turn
from unweave.request import SeparationRequest

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator
    from unweave.engine.executor import Executor
    from unweave.types import OnBlock, OnProgress, ShouldStop


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one recording."""

    source: Path
    status: Status
    job: Job | None = None  # None: there was nothing to plan, as for a missing file
    report: dict[str, Any] | None = None  # of a file that is done or skipped
    report_path: Path | None = None  # where that report lies
    error: str = ""  # one line that names the file
    error_kind: str = ""  # the class of the error
    exit_code: int = 0
    details: str = ""  # the traceback of an unexpected error


Work = Callable[[Job, "OnProgress", "ShouldStop"], Outcome]  # raises what goes wrong
Worker = Callable[["Executor"], Work]
"""Gives a process its work; goes to child processes as a pickle."""


def worker(request: SeparationRequest, executor: Executor) -> Work:
    """A function that separates one job; the executor has the separator from the first on."""
    return partial(do, request=request, load=partial(_load, request), executor=executor)


def do(
    job: Job,
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
    *,
    request: SeparationRequest,
    load: Callable[[], AnySeparator],
    executor: Executor | None = None,
    on_block: OnBlock | None = None,
) -> Outcome:
    """Separate one job, unless it is finished already. Raises what the engine raises.

    Raises OutputError when something is in the way, or another run is at work on the same files.
    """
    from unweave.engine.run import separate_file

    with turn(job):
        found, outcome = settled(job, request)
        if outcome is not None:
            clear(job)
            return outcome
        report = separate_file(
            job.source,
            job.outputs,
            found.report_path,
            load,
            request,
            replace=job.overwrite,
            own=found.own,
            before_names=partial(release, job, found),
            on_progress=on_progress,
            on_block=on_block,
            should_stop=should_stop,
            executor=executor,
        )
    return _outcome(job, Status.DONE, found, report)


class CannotLoadError(UnweaveError):
    """The separator cannot be loaded, so no file can be done; carries that error's exit code."""

    def __init__(self, message: str, kind: str, exit_code: int) -> None:
        super().__init__(message, kind, exit_code)
        self.kind = kind
        self.exit_code = exit_code

    def __str__(self) -> str:
        return str(self.args[0])


def _load(request: SeparationRequest) -> AnySeparator:
    """The separator, whose weights the engine reads; where they cannot be, no file can be done."""
    from unweave import registry
    from unweave.engine.compose import each_innermost
    from unweave.engine.loading import Deferred

    def guarded(load: Callable[[], Any]) -> Any:
        try:
            return load()
        except UnweaveError as error:
            raise CannotLoadError(str(error), type(error).__name__, error.exit_code) from error
        except Exception as error:
            kind = type(error).__name__
            message = f"{request.separator.name}: cannot be loaded: unexpected {kind}: {error}"
            raise CannotLoadError(message, kind, 1) from error

    def guard(part: Any) -> Any:
        if not isinstance(part, Deferred):
            return part
        return replace(part, load=partial(guarded, part.load))  # type: ignore[type-var]

    made: AnySeparator = guarded(partial(registry.load_pinned, request.separator))
    return each_innermost(made, guard)


def attempt(work: Work, job: Job, on_progress: OnProgress, should_stop: ShouldStop) -> Outcome:
    """Do one job; every error but CannotLoadError becomes an outcome that names the file."""
    try:
        with enough_memory():
            return work(job, on_progress, should_stop)
    except CannotLoadError:
        raise
    except Cancelled:
        return cancelled(job)
    except Exception as error:
        return failed(job, error)


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
        error_kind=getattr(error, "kind", type(error).__name__),
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


def settled(job: Job, request: SeparationRequest) -> tuple[Existing, Outcome | None]:
    """What lies where a job writes, and the outcome of one that needs no work.

    Raises OutputError when something is in the way.
    """
    found = look(job, request)
    if found.state is State.CONFLICT:
        raise InTheWayError(f"{shown(job.source)}: {found.why}")
    if found.state is State.UP_TO_DATE:
        return found, _outcome(job, Status.SKIPPED, found, found.report)
    return found, None


def _outcome(job: Job, status: Status, found: Existing, report: dict[str, Any] | None) -> Outcome:
    return Outcome(
        source=job.source, job=job, status=status, report_path=found.report_path, report=report
    )
