"""Many recordings, one after the other or several at a time, and never one lost.

`find` and `prepare` turn what the user typed into jobs and refuse what cannot go well; `run` does
them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unweave.audio.formats import FORMATS
from unweave.core.files import shown
from unweave.core.status import Status
from unweave.errors import InputError, UsageError
from unweave.jobs.attempt import CannotLoadError, Outcome, cancelled, do
from unweave.jobs.inputs import InputFile, Missed, PassedOver, expand, in_words
from unweave.jobs.naming import DEFAULT_TEMPLATE
from unweave.jobs.plan import Job, plan
from unweave.jobs.pool import Watcher
from unweave.jobs.runner import exit_code, run
from unweave.request import SeparationRequest

__all__ = [
    "DEFAULT_TEMPLATE",
    "Batch",
    "CannotLoadError",
    "InputFile",
    "Job",
    "Missed",
    "Outcome",
    "PassedOver",
    "Watcher",
    "cancelled",
    "do",
    "exit_code",
    "find",
    "in_words",
    "not_found",
    "plan",
    "prepare",
    "run",
]


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be done: the jobs, how, and the arguments that gave none."""

    jobs: list[Job]
    request: SeparationRequest
    missed: list[Missed]
    passed_over: list[PassedOver]  # files in folders that are no sound


def find(
    inputs: Sequence[str | os.PathLike[str]], output_dir: Path
) -> tuple[list[InputFile], list[Missed], list[PassedOver]]:
    """The recordings that `inputs` mean, and what gave none.

    Raises UsageError for an output folder with the name of a recording, and when nothing is found.
    """
    ending = output_dir.suffix[1:].lower()
    if ending in FORMATS and not output_dir.is_dir():
        raise UsageError(
            f"{shown(output_dir)}: stems go into a folder; name one without .{ending}, and take "
            f"--format {ending} for files of that kind"
        )
    found, missed, passed_over = expand(inputs, output_dir)
    if not found and all(item.empty for item in missed):
        reasons = "; ".join(f"{shown(item.path)}: {item.reason}" for item in missed)
        reasons = "; ".join(filter(None, (reasons, in_words(passed_over))))
        raise UsageError(reasons or "no files were named; see unweave separate --help")
    return found, missed, passed_over


def prepare(
    inputs: Sequence[str | os.PathLike[str]],
    request: SeparationRequest,
    output_dir: Path,
    *,
    template: str = DEFAULT_TEMPLATE,
    overwrite: bool = False,
) -> Batch:
    """Find the recordings and plan every file that will be written.

    Raises UsageError for names that would clash (see `plan`), and as `find` does.
    """
    found, missed, passed_over = find(inputs, output_dir)
    jobs = plan(found, request, output_dir, template, overwrite)
    return Batch(jobs, request, missed, passed_over)


def not_found(missed: Missed) -> Outcome:
    """The outcome of an argument that gave no recording."""
    return Outcome(
        source=missed.path,
        status=Status.FAILED,
        error=f"{shown(missed.path)}: {missed.reason}",
        error_kind=InputError.__name__,
        exit_code=InputError.exit_code,
    )
