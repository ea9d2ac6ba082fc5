"""`unweave separate`: recordings in, stems out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unweave.cli.session import Session, session

if TYPE_CHECKING:
    from unweave.apps.batch import Job, Outcome
    from unweave.cli.progress import Display
    from unweave.core.types import Progress


class Format(StrEnum):
    WAV = "wav"
    FLAC = "flac"
    MP3 = "mp3"
    M4A = "m4a"
    OGG = "ogg"
    OPUS = "opus"


class Bandwidth(StrEnum):
    FULL = "full"
    MODEL = "model"


class Device(StrEnum):
    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


def model_names() -> list[str]:
    """For shell completion."""
    from unweave import catalog

    return catalog.names()


OUTPUT, MODEL, MACHINE, BATCH, WORDS = "Output", "Model", "Machine", "Many files", "Messages"


def separate(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="FILES|FOLDERS|GLOBS...",
            help="Recordings, the sound of videos, folders of them, or patterns in quotes.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the stems.", rich_help_panel=OUTPUT)
    ] = Path("stems"),
    stems: Annotated[
        list[str] | None,
        typer.Option(
            help="Only these, as in 'vocals' or 'vocals,accompaniment'; 'residual' is what the "
            "stems leave of the mix.",
            show_default="all",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    format: Annotated[
        Format, typer.Option(case_sensitive=False, help="File format.", rich_help_panel=OUTPUT)
    ] = Format.WAV,
    bit_depth: Annotated[
        int | None,
        typer.Option(
            help="16, 24, or 32 (float; cannot clip).",
            metavar="16|24|32",
            show_default="32 for wav, 24 for flac",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    filename_template: Annotated[
        str,
        typer.Option(
            help="Where each stem goes below the output folder. Fields: {name} {stem} {ext} "
            "{model} {input_ext} {parent}.",
            rich_help_panel=OUTPUT,
        ),
    ] = "{name}/{stem}.{ext}",
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Write over stems that are there already.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing",
            help="Skip what is finished: the same recording, model and options (the default).",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="Which separator; see 'unweave models'.",
            autocompletion=model_names,
            rich_help_panel=MODEL,
        ),
    ] = "spleeter-2stems",
    bandwidth: Annotated[
        Bandwidth | None,
        typer.Option(
            help="'full' keeps what lies above the model's band, 'model' drops it.",
            show_default="full",
            rich_help_panel=MODEL,
        ),
    ] = None,
    wiener: Annotated[
        bool,
        typer.Option(
            "--wiener", help="Refine with a multichannel Wiener filter.", rich_help_panel=MODEL
        ),
    ] = False,
    mask_exponent: Annotated[
        float | None,
        typer.Option(
            help="Sharper masks above the model's own exponent, softer below.",
            show_default="the model's",
            rich_help_panel=MODEL,
        ),
    ] = None,
    device: Annotated[
        Device, typer.Option(help="Where to compute.", rich_help_panel=MACHINE)
    ] = Device.AUTO,
    batch: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Segments at work at once.",
            show_default="one per core",
            rich_help_panel=MACHINE,
        ),
    ] = None,
    max_memory: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="MB", help="Memory for each file at work.", rich_help_panel=MACHINE
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="For techniques that use chance.", rich_help_panel=MACHINE)
    ] = 0,
    jobs: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Files at a time.", rich_help_panel=MACHINE),
    ] = 1,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="One JSON document on stdout, everything else on stderr.",
            rich_help_panel=WORDS,
        ),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Only errors.", rich_help_panel=WORDS)
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="More, and tracebacks.", rich_help_panel=WORDS)
    ] = False,
) -> None:
    """Take recordings apart into their stems."""
    with session(quiet=quiet, verbose=verbose, as_json=as_json) as current:
        from unweave.apps.batch import Settings, exit_code, not_found, prepare, run
        from unweave.cli.progress import display
        from unweave.core.errors import UsageError

        if overwrite and skip_existing:
            raise UsageError("--overwrite and --skip-existing contradict each other; use one")
        options: dict[str, object] = {}
        if bandwidth is not None:
            options["bandwidth"] = str(bandwidth)
        if wiener:
            options["wiener"] = 1
        if mask_exponent is not None:
            options["mask_exponent"] = mask_exponent
        settings = Settings(
            model=model,
            options=options,
            format=str(format),
            bit_depth=bit_depth,
            device=str(device),
            batch=batch,
            max_memory_mb=max_memory,
            seed=seed,
        )
        plan = prepare(inputs, settings, output, stems=stems or (), template=filename_template)
        started = time.monotonic()
        outcomes = [not_found(item) for item in plan.missed]
        for outcome in outcomes:
            current.error(outcome.error)
        weights = {job.report: _size(job.source) for job in plan.jobs}
        with display(current, weights) as shown_progress:
            outcomes += run(
                plan.jobs,
                plan.settings,
                _Watcher(current, shown_progress),
                overwrite=overwrite,
                at_once=jobs,
                should_stop=current.should_stop,
            )
        code = exit_code(outcomes)
        _sum_up(current, outcomes, time.monotonic() - started)
        if as_json:
            current.emit(_document(outcomes, code))
        raise typer.Exit(code)


class _Watcher:
    """Between the batch and the terminal."""

    def __init__(self, current: Session, progress: Display) -> None:
        self.current = current
        self.display = progress

    def started(self, job: Job) -> None:
        from unweave.apps.batch import shown

        self.display.start(job.report, shown(job.source.name))

    def progress(self, job: Job, progress: Progress) -> None:
        self.display.update(job.report, progress.done_s, progress.total_s)

    def finished(self, outcome: Outcome) -> None:
        from unweave.apps.batch import Status, shown

        job = outcome.job
        assert job is not None
        self.display.end(job.report, worked=outcome.status is not Status.SKIPPED)
        if outcome.status is Status.FAILED:
            self.current.error(outcome.error, outcome.details)
        elif outcome.status is Status.SKIPPED:
            folder = shown(job.report.parent)
            self.current.result(f"{shown(job.source)}: finished already in {folder}, skipped")
        elif outcome.report is not None:
            for line in _lines(outcome, self.current.verbose):
                self.current.result(line)


def _lines(outcome: Outcome, verbose: bool) -> list[str]:
    """A finished file, for people."""
    from unweave.apps.batch import shown

    report, job = outcome.report, outcome.job
    assert report is not None
    assert job is not None
    seconds, duration_s = report["seconds"]["total"], report["input"]["duration_s"]
    factor = report["real_time_factor"]
    speed = f" ({1 / factor:.1f}x real time)" if factor else ""
    lines = [f"{shown(job.source)}: {duration_s:.1f} s of sound in {seconds:.1f} s"]
    lines.append(f"  folder  {shown(job.report.parent)}")
    width = max(len(item["stem"]) for item in report["stems"])
    for item in report["stems"]:
        peak, loudness = _db(item["peak_dbfs"], "dBFS"), _db(item["loudness_lufs"], "LUFS")
        file = shown(Path(item["path"]).name)
        lines.append(f"  {item['stem']:<{width}}  peak {peak:>11}  loudness {loudness:>11}  {file}")
    lines.append(
        f"  null test {_db(report['null_test_db'], 'dB')}, "
        f"gain {_db(report['gain_db'], 'dB')}, real-time factor {factor}{speed}"
    )
    if verbose:
        separator = report["separator"]
        lines.append(
            f"  {separator['name']} on {report['device']}, {report['batch']} segments at once, "
            f"{report['passes']} pass(es), peak memory {report['peak_memory_mb']} MB, "
            f"options {separator['options'] or 'as they come'}"
        )
        lines += [f"  note: {shown(note)}" for note in report["output"]["notes"]]
    lines += [f"  warning: {shown(warning)}" for warning in report["warnings"]]
    return lines


def _db(value: float | None, unit: str) -> str:
    return f"-inf {unit}" if value is None else f"{value:.1f} {unit}"


def _sum_up(current: Session, outcomes: Sequence[Outcome], seconds: float) -> None:
    from unweave.apps.batch import Status, shown
    from unweave.cli.progress import clock

    of = {status: [o for o in outcomes if o.status is status] for status in Status}
    if of[Status.CANCELLED]:
        left = len(of[Status.CANCELLED])
        current.error(f"interrupted; {left} of {len(outcomes)} not done; run it again to go on")
    if len(outcomes) > 1:
        counts = ", ".join(f"{len(found)} {status}" for status, found in of.items() if found)
        current.result(f"{len(outcomes)} files in {clock(seconds)}: {counts}")
        for outcome in of[Status.FAILED]:
            current.note(f"  failed: {shown(outcome.source)}")


def _document(outcomes: Sequence[Outcome], code: int) -> dict[str, Any]:
    """The JSON of a batch: `files` in the order given, each with its report or its error."""
    from unweave.apps.batch import Status

    files = [
        {
            "input": str(outcome.source),
            "status": str(outcome.status),
            "report_path": str(outcome.job.report) if outcome.job else None,
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


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
