"""The verbs that work on many recordings, from the first word about them to the exit code."""

from __future__ import annotations

import os
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
    models: Sequence[str] = (),
    stems: tuple[str, ...] = (),
    pull: bool = False,
    takes_models: Callable[[Path], bool] = lambda _: True,
    lines: Callable[[Outcome, bool], list[str]] | None = None,
    after: Callable[[list[Outcome]], None] = lambda outcomes: None,
) -> NoReturn:
    """Do the jobs, say what became of each, sum up, and exit.

    lost, passed_over: inputs that gave no recording. models, stems: whose weights are fetched
    first, unless no recording that is left to do takes models; pull: without a question. lines:
    what is said of a finished one. after: called with the outcomes of all inputs.
    """
    from unweave.cli.outcomes import Watcher, document, sum_up
    from unweave.cli.progress import display
    from unweave.cli.weights import fetch
    from unweave.jobs import cancelled, exit_code, in_words, not_found

    started = time.monotonic()
    missed = [not_found(item) for item in lost]
    for outcome in missed:
        current.error(outcome.error)

    def written(outcomes: list[Outcome]) -> dict[str, Any]:
        passed = [str(item.path) for item in passed_over]
        return {**document(outcomes, exit_code(outcomes)), "passed_over": passed}

    todo = [job for job in jobs if not os.path.exists(job.report)]
    if models and any(takes_models(job.source) for job in todo):
        fetch(current, models, stems=stems, ask=not pull)
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


def check_model(
    model: str | None, jobs: Sequence[Job], takes_models: Callable[[Path], bool]
) -> None:
    """Raises UsageError for a model that no job would use, as every one brings its stems."""
    from unweave.core.files import shown
    from unweave.errors import OptionName, UsageError

    if model is not None and jobs and not any(takes_models(job.source) for job in jobs):
        option = OptionName("model")
        raise UsageError(
            f"{shown(jobs[0].source)}: brings its stems; leave out ", option, ", or name the song"
        )


def chosen(current: Session, model: str | None, quality: str | None, stems: Sequence[str]) -> str:
    """The model that is named, else the best for `stems` of a quality, else the default.

    Raises UsageError.
    """
    from unweave import registry
    from unweave.errors import UsageError

    if quality is None:
        return model or registry.DEFAULT
    from unweave.registry.quality import choose_installed

    if model is not None:
        raise UsageError("--quality chooses the model: leave out --model, or --quality")
    choice = choose_installed(quality, stems)
    for line in choice.in_words():
        current.note(line)
    return choice.chosen.name


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
