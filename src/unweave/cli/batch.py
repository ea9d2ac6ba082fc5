"""The verbs that work on many recordings, from the first word about them to the exit code."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from unweave.cli.session import Session

if TYPE_CHECKING:
    from unweave.cli.outcomes import Watcher
    from unweave.jobs import Job, Missed, Outcome, PassedOver


def work_through(
    current: Session,
    jobs: Sequence[Job],
    lost: Sequence[Missed],
    passed_over: Sequence[PassedOver],
    work: Callable[[Watcher], list[Outcome]],
    *,
    lines: Callable[[Outcome, bool], list[str]] | None = None,
    before: Callable[[], None] = lambda: None,
    after: Callable[[list[Outcome]], None] = lambda outcomes: None,
) -> NoReturn:
    """Do the jobs, say what became of each, sum up, and exit.

    lost, passed_over: inputs that gave no recording. lines: what is said of a finished one. before:
    called once the lost inputs are named. after: called with the outcomes of all inputs.
    """
    from unweave.cli.outcomes import Watcher, document, sum_up
    from unweave.cli.progress import display
    from unweave.jobs import cancelled, exit_code, in_words, not_found

    started = time.monotonic()
    missed = [not_found(item) for item in lost]
    for outcome in missed:
        current.error(outcome.error)

    def written(outcomes: list[Outcome]) -> dict[str, Any]:
        passed = [str(item.path) for item in passed_over]
        return {**document(outcomes, exit_code(outcomes)), "passed_over": passed}

    before()
    weights = {job.report: _size(job.source) for job in jobs}
    with display(current, weights) as shown_progress:
        watcher = Watcher(current, shown_progress, lines)
        current.so_far = lambda: written(
            missed + [watcher.outcomes.get(job.report) or cancelled(job) for job in jobs]
        )
        outcomes = missed + work(watcher)
    after(outcomes)
    sum_up(current, outcomes, time.monotonic() - started)
    if passed_over:
        current.note(in_words(passed_over))
    if current.as_json:
        current.emit(written(outcomes))
    raise typer.Exit(exit_code(outcomes))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
