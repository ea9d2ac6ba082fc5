"""`unweave benchmark`: separators against a dataset, one file of scores per track and separator."""

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unweave.cli.options import (
    DEVICE,
    MESSAGES,
    ROUNDING,
    QuietInPanel,
    Rounding,
    VerboseInPanel,
    dataset_names,
    model_names,
)
from unweave.cli.session import Session, session
from unweave.cli.weights import fetch
from unweave.core.status import Status
from unweave.errors import WeightsError

if TYPE_CHECKING:
    from unweave.cli.progress import Display
    from unweave.evaluation.result import BenchmarkResult
    from unweave.evaluation.work import Outcome

WHAT, HOW = "What", "How"


def oracle_names() -> list[str]:
    """For completion."""
    from unweave.evaluation.names import ORACLES

    return list(ORACLES)


def benchmark(
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset", "-d", help="Name of the dataset, if its folder is ambiguous.",
            autocompletion=dataset_names, show_default=False, rich_help_panel=WHAT,
        ),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(help="Folder of the dataset.", show_default=False, rich_help_panel=WHAT),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Split of the dataset.", show_default="all", rich_help_panel=WHAT),
    ] = None,
    separators: Annotated[
        list[str] | None,
        typer.Option(
            "--separator", "-s", metavar="NAME[:KEY=VALUE,...]",
            help="Separator (repeatable); options after a colon, as in "
            "'repet-sim:distance_s=2'; your own as 'module:Class'.",
            autocompletion=model_names, rich_help_panel=WHAT,
        ),
    ] = None,
    oracles: Annotated[
        list[str] | None,
        typer.Option(
            "--oracle", metavar="NAME",
            help="Oracle (repeatable): mixture, ibm, ibm1, ibm2, irm1, irm2, mwf-sisec, mwf, psm; "
            "or 'all'.",
            autocompletion=oracle_names, rich_help_panel=WHAT,
        ),
    ] = None,
    estimates: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=DIR",
            help="Stems of other software, DIR/TRACK/STEM.wav (repeatable).",
            rich_help_panel=WHAT,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Option of every separator.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    tracks: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N|NAME", help="Number of tracks, or the name of one (repeatable).",
            show_default="all", rich_help_panel=WHAT,
        ),
    ] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="STEM=REFERENCE",
            help="Reference of a separator's stem, where their names differ.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            metavar="bss-eval-v4|mir-1k", show_default="the dataset's", help="Evaluation protocol.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    rounding: Annotated[
        Rounding, typer.Option(help=ROUNDING, rich_help_panel=WHAT)
    ] = Rounding.AUTO,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the scores.", rich_help_panel=HOW)
    ] = Path("benchmark"),
    jobs: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Number of tracks in parallel.", rich_help_panel=HOW),
    ] = 1,
    device: Annotated[
        str, typer.Option(metavar="NAME", help=f"{DEVICE}.", rich_help_panel=HOW)
    ] = "auto",
    as_json: Annotated[
        bool,
        typer.Option("--json", help="One JSON document on stdout.", rich_help_panel=MESSAGES),
    ] = False,
    quiet: QuietInPanel = False,
    verbose: VerboseInPanel = False,
) -> None:  # fmt: skip
    """Score separators and oracles on a dataset; a stopped run resumes where it was."""
    with session(quiet=quiet, verbose=verbose, as_json=as_json, polls=True) as current:
        from unweave.cli.progress import display
        from unweave.evaluation.benchmark import benchmark as run
        from unweave.evaluation.benchmark import exit_code
        from unweave.evaluation.entries import models
        from unweave.evaluation.names import ORACLES, parse_folders, parse_mapping
        from unweave.options import parse

        named = [*ORACLES] if "all" in (oracles or ()) else oracles or ()
        started = time.monotonic()
        with display(current) as progress:
            watcher = _Watcher(current, progress, models(separators or ()))
            outcomes = run(
                dataset,
                root,
                split,
                separators=separators or (),
                oracles=named,
                estimates=parse_folders(estimates or ()),
                settings=parse(settings or ()),
                output=output,
                tracks=tracks or (),
                mapping=parse_mapping(map_ or ()),
                protocol=protocol,
                rounding=str(rounding),
                device=device,
                jobs=jobs,
                watcher=watcher,
                should_stop=current.should_stop,
            )
        code = exit_code(outcomes)
        shown_tables, cautions = _sum_up(current, outcomes, output, time.monotonic() - started)
        if as_json:
            warnings = [*watcher.warnings, *cautions]
            current.emit(_document(outcomes, output, shown_tables, warnings, code))
        raise typer.Exit(code)


class _Watcher:
    """Between the benchmark and the terminal: one bar for all, in seconds of sound."""

    def __init__(self, current: Session, progress: "Display", models: Sequence[str]) -> None:
        self.current = current
        self.models = models
        self.display = progress
        self.total_s = 0.0
        self.done_s = 0.0
        self.warnings: list[str] = []

    def warned(self, text: str) -> None:
        from unweave.core.files import shown

        self.warnings.append(text)
        self.current.note(f"warning: {shown(text)}")

    def planned(self, to_do_s: float, skipped: Sequence["Outcome"]) -> None:
        self.total_s = to_do_s
        if skipped:
            self.current.note(f"{len(skipped)} scored already")
        if to_do_s:
            with suppress(WeightsError):  # of each track's outcome
                fetch(self.current, self.models, bar=False)
            self.display.start(self, "benchmark")

    def finished(self, outcome: "Outcome") -> None:
        from unweave.core.files import shown

        self.done_s += outcome.sound_s
        self.display.update(self, self.done_s, self.total_s)
        if outcome.status is Status.FAILED:
            self.current.error(outcome.error, outcome.details)
        elif outcome.scores is not None and self.current.verbose:
            self.current.note(f"{shown(outcome.track)}: {outcome.label}: done")
            for warning in outcome.scores.warnings:
                self.current.note(f"  warning: {shown(warning)}")


def _sum_up(
    current: Session, outcomes: "BenchmarkResult", output: Path, seconds: float
) -> tuple[list[dict[str, Any]], list[str]]:
    """The tables of what has scores, and how it went; what failed was said when it did.

    Gives the tables as plain data, and what they leave out.
    """
    from unweave.cli.progress import clock
    from unweave.core.files import shown
    from unweave.evaluation import aggregate

    of = {status: [o for o in outcomes if o.status is status] for status in Status}
    scored = [o.scores for o in outcomes if o.scores is not None]
    found, cautions = aggregate.compared(scored)
    for table in found:
        for line in [*table.lines(), ""]:
            current.result(shown(line))
    for words in (*cautions, *outcomes.changed()):
        current.note(f"warning: {shown(words)}")
    notes = {
        warning for o in outcomes if o.scores is not None for warning in o.scores.warnings
        if "not scored" in warning
    }  # fmt: skip
    for note in sorted(notes):
        current.note(f"warning: {shown(note)}")
    silent = sum(1 for o in outcomes if o.scores and any(o.scores.silent_frames.values()))
    if silent:
        current.note(f"{silent} of {len(outcomes)} have frames without a score, where a stem is "
                     "silent; each file says how many")  # fmt: skip
    counts = ", ".join(f"{len(group)} {status}" for status, group in of.items() if group)
    scores = "1 score" if len(outcomes) == 1 else f"{len(outcomes)} scores"
    current.result(f"{scores} in {clock(seconds)}: {counts}; in {shown(output)}")
    if of[Status.CANCELLED]:
        current.error(f"interrupted; {len(of[Status.CANCELLED])} not done; run it again to go on")
    return [table.document() for table in found], cautions


def _document(
    outcomes: Sequence["Outcome"],
    output: Path,
    shown_tables: list[dict[str, Any]],
    warnings: list[str],
    code: int,
) -> dict[str, Any]:
    return {
        "output": str(output),
        "scores": [
            {
                "track": outcome.track,
                "separator": outcome.label,
                "status": str(outcome.status),
                "path": str(outcome.path),
                "warnings": list(outcome.scores.warnings) if outcome.scores else [],
                "error": outcome.error or None,
            }
            for outcome in outcomes
        ],
        "tables": shown_tables,
        "warnings": warnings,
        "counts": {str(s): sum(o.status is s for o in outcomes) for s in Status},
        "exit_code": code,
    }


EXAMPLES = ("unweave benchmark --root MUSDB18 --split test -s repet --oracle irm1 -o scores",)
