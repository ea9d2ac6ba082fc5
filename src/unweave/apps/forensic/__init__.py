"""Forensic examination: evidence that stays as it is, findings without verdicts, a log that shows
what was done.

`case` is the folder on the disk and `log` its log; `evidence` reads the originals and `machine`
says where it ran; `steps` makes what there is to see and hear, with `findings`, `listening`,
`pictures` and `voices`; `page` is the report, `certificate` the certificate and `keys` signatures;
`job` does a run, `closing` ends it, `verify` checks and repeats it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.apps.forensic import keys, page, voices
from unweave.apps.forensic.case import is_case
from unweave.apps.forensic.finding import Finder, Finding, Kind, Recording
from unweave.apps.forensic.job import Order, planned, run
from unweave.apps.forensic.verify import CaseVerdict, models, verify
from unweave.errors import InputError, UnweaveError, UsageError
from unweave.request import run_options
from unweave.viz import need_matplotlib

if TYPE_CHECKING:
    from unweave.jobs import Job, Outcome
    from unweave.types import OnProgress, Progress, ShouldStop, StrPath

__all__ = [
    "CaseVerdict",
    "Finder",
    "Finding",
    "Kind",
    "Order",
    "Recording",
    "forensic",
    "is_case",
    "models",
    "ordered",
    "planned",
    "run",
    "verify",
]


def forensic(
    paths: StrPath | Iterable[StrPath],
    case: StrPath | None = None,
    *,
    operator: str | None = None,
    technique: str | Iterable[str] = (),
    mains_hz: float | None = None,
    mains_reference: StrPath | None = None,
    sign: StrPath | None = None,
    seed: int = 0,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    **options: object,
) -> list[dict[str, Any]]:
    """Examine recordings in a case, and return what was found in each.

    case: the folder, which is made or added to; for one recording `NAME-case` where it is None.
    operator: who does it; the name of the account where it is None. technique: separators that
    bring voices forward, each NAME or NAME:STEM; "none" for none. mains_hz: 50 or 60.
    mains_reference: a recording of the mains to compare its trace with. sign: an Ed25519 key in
    PEM. options: `device` and the others of every separation that say how it is run or computed.

    Raises InputError for the first recording that cannot be read, when the others are done and the
    case is closed; UsageError, OutputError, WeightsError or Cancelled, each with one line.
    """
    one = isinstance(paths, (str, Path))
    folder, jobs, missed = planned(
        [paths] if one else list(paths),  # type: ignore[list-item, arg-type]
        None if case is None else Path(case),
    )
    words = [technique] if isinstance(technique, str) else list(technique)
    order = ordered(
        words,
        options,
        operator=operator,
        mains_hz=mains_hz,
        mains_reference=mains_reference,
        sign=sign,
        seed=seed,
    )
    watcher = _Watcher(on_progress)
    outcomes = run(jobs, missed, order, folder, watcher, should_stop or (lambda: False))
    for item in missed:
        raise InputError(f"{item.path}: {item.reason}")
    for outcome in outcomes:
        if outcome.report is None:
            kind = {each.__name__: each for each in _kinds(UnweaveError)}
            raise kind.get(outcome.error_kind, UnweaveError)(outcome.error)
    return [outcome.report for outcome in outcomes if outcome.report is not None]


def ordered(
    techniques: Iterable[str],
    options: dict[str, Any],
    *,
    operator: str | None = None,
    mains_hz: float | None = None,
    mains_reference: StrPath | None = None,
    sign: StrPath | None = None,
    seed: int = 0,
) -> Order:
    """What is asked for, checked as far as it can be without a recording. Arguments as `forensic`.

    Raises UsageError, also where a package is missing, InputError for a key or a reference that
    cannot be read.
    """
    _, inference, execution, others = run_options(options)
    if others:
        raise UsageError(f"there is no option {next(iter(others))!r}")
    need_matplotlib()
    page.environment()  # what the report needs is missed now, not when all is done
    told = {} if operator is None else {"operator": operator}
    return Order(
        seed=seed,
        techniques=voices.techniques(list(techniques), seed, inference, execution),
        mains_hz=mains_hz,
        mains_reference=None if mains_reference is None else Path(mains_reference),
        key=None if sign is None else keys.private(Path(sign)),
        **told,
    )


class _Watcher:
    """Hands progress on, and nothing else."""

    def __init__(self, on_progress: OnProgress | None) -> None:
        self._on_progress = on_progress

    def started(self, job: Job) -> None:
        pass

    def progress(self, job: Job, progress: Progress) -> None:
        if self._on_progress is not None:
            self._on_progress(progress)

    def finished(self, outcome: Outcome) -> None:
        pass


def _kinds(of: type[UnweaveError]) -> Iterable[type[UnweaveError]]:
    yield of
    for each in of.__subclasses__():
        yield from _kinds(each)
