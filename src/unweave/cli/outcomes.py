"""The outcome of each recording: lines for people as it happens, JSON at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.cli.session import Session
from unweave.core.status import Status

if TYPE_CHECKING:
    from unweave.cli.progress import Display
    from unweave.jobs import Job, Outcome
    from unweave.request import SeparationRequest
    from unweave.types import Progress


SILENT_DBFS = -140.0  # below what 24 bits can say


class Watcher:
    """Between the batch and the terminal. lines: what is said of a finished file."""

    def __init__(
        self,
        current: Session,
        progress: Display,
        lines: Callable[[Outcome, bool], list[str]] | None = None,
    ) -> None:
        self.current = current
        self.display = progress
        self.lines = lines or _lines
        self.outcomes: dict[Path, Outcome] = {}  # by the jobs' reports

    def started(self, job: Job) -> None:
        from unweave.core.files import shown

        self.display.start(job.report, shown(job.source.name))

    def progress(self, job: Job, progress: Progress) -> None:
        self.display.update(job.report, progress.done_s, progress.total_s)

    def finished(self, outcome: Outcome) -> None:
        from unweave.core.files import shown

        job = outcome.job
        assert job is not None
        self.outcomes[job.report] = outcome
        self.display.end(job.report, worked=outcome.status is not Status.SKIPPED)
        if outcome.status is Status.FAILED:
            self.current.error(outcome.error, outcome.details)
        elif outcome.status is Status.SKIPPED:
            where = f"finished already in {shown(job.report.parent)}, skipped"
            self.current.result(f"{shown(job.source)}: {where}; --overwrite repeats it")
        elif outcome.report is not None:
            for line in self.lines(outcome, bool(self.current.verbose)):
                self.current.result(line)


def head(outcome: Outcome) -> list[str]:
    """How the lines on a finished file begin: what it is, how long it took, where it lies."""
    from unweave.core.files import shown

    assert outcome.report is not None
    assert outcome.job is not None
    seconds = outcome.report["execution"]["seconds"]["total"]
    duration_s = outcome.report["input"]["duration_s"]
    return [
        f"{shown(outcome.source)}: {duration_s:.1f} s of sound in {seconds:.1f} s",
        f"  folder  {shown(outcome.job.report.parent)}",
    ]


def tail(report: dict[str, Any], verbose: bool) -> list[str]:
    """How they end: with notes on the format and with warnings."""
    from unweave.core.files import shown

    notes = report["output"]["notes"] if verbose and "output" in report else []
    return [
        *(f"  note: {shown(note)}" for note in notes),
        *(f"  warning: {shown(warning)}" for warning in report["warnings"]),
    ]


def _lines(outcome: Outcome, verbose: bool) -> list[str]:
    """A finished file, for people."""
    from unweave.cli.progress import counted, times_real_time
    from unweave.core.files import shown

    report, lines = outcome.report, head(outcome)
    assert report is not None
    execution = report["execution"]
    seconds, duration_s = execution["seconds"]["total"], report["input"]["duration_s"]
    if duration_s and seconds:
        lines[0] += f", {times_real_time(duration_s, seconds)}"
    width = max(len(item["stem"]) for item in report["stems"])
    for item in report["stems"]:
        file = shown(Path(item["path"]).name)
        lines.append(f"  {item['stem']:<{width}}  {level(item):<38}  {file}")
    if verbose:
        separator = report["request"]["separator"]
        if report["null_test_db"] is not None:
            lines.append(f"  null test {report['null_test_db']:.1f} dB")
        lines.append(
            f"  {separator['name']} on {execution['device']}, "
            f"{counted(execution['batch'], 'segment')} at once, "
            f"{counted(execution['passes'], 'pass')}, "
            f"peak memory {execution['peak_memory_mb']} MB, {_options(separator['options'])}"
        )
    return lines + tail(report, verbose)


def _options(options: dict[str, Any]) -> str:
    """The options in force, each as `--set` takes it."""
    from unweave.core.files import shown

    pairs = [
        f"{name}={str(value).lower() if value is None or isinstance(value, bool) else value}"
        for name, value in options.items()
    ]
    return f"options {shown(' '.join(pairs))}" if options else "no options"


def level(stem: dict[str, Any]) -> str:
    """Peak and loudness of a stem, as far as it has them."""
    peak, loudness = stem["peak_dbfs"], stem["loudness_lufs"]
    if peak is None or peak <= SILENT_DBFS:
        return "silent"
    words = f"peak {peak:>z6.1f} dBFS"
    return words if loudness is None else f"{words}  loudness {loudness:>6.1f} LUFS"


def sum_up(current: Session, outcomes: Sequence[Outcome], seconds: float) -> None:
    """The last lines: what was interrupted, how many of several did what, which ones failed."""
    from unweave.cli.progress import clock

    of = {status: [o for o in outcomes if o.status is status] for status in Status}
    if of[Status.CANCELLED]:
        left = len(of[Status.CANCELLED])
        current.error(f"interrupted; {left} of {len(outcomes)} not done; run it again to go on")
    if len(outcomes) > 1:
        counts = ", ".join(f"{len(found)} {status}" for status, found in of.items() if found)
        current.result(f"{len(outcomes)} files in {clock(seconds)}: {counts}")
        for outcome in of[Status.FAILED]:
            current.note(f"  failed: {outcome.error}")


def remember(model: str, request: SeparationRequest, outcomes: Sequence[Outcome]) -> None:
    """Keep how fast a model ran, and in how much memory, for `unweave models list`."""
    from unweave.registry import speed

    for outcome in outcomes:
        if outcome.status is Status.DONE and outcome.report is not None:
            speed.remember(model, request, outcome.report)


def document(outcomes: Sequence[Outcome], code: int) -> dict[str, Any]:
    """The JSON of a batch: `files` in the order given, each with its report or its error."""
    files = [
        {
            "input": str(outcome.source),
            "status": str(outcome.status),
            "report_path": str(outcome.report_path) if outcome.report_path else None,
            "outputs": {stem: str(file) for stem, file in outcome.job.outputs.items()}
            if outcome.job
            else {},
            "report": outcome.report,
            "error": {"kind": outcome.error_kind, "message": outcome.error}
            if outcome.error
            else None,
        }
        for outcome in outcomes
    ]
    counts = {str(s): sum(outcome.status is s for outcome in outcomes) for s in Status}
    return {"files": files, "counts": counts, "exit_code": code}
