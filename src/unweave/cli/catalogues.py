"""What several of the commands of `unweave catalogue` share: options, the begin and the work of a
run."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unweave.cli.options import OUTPUT
from unweave.cli.session import Session
from unweave.cluster.workers import Workers

if TYPE_CHECKING:
    from unweave.cluster.catalogue import Catalogue
    from unweave.cluster.kinds import Request
    from unweave.cluster.log import Entry
    from unweave.cluster.manifest import Row

PATIENCE_S = 60.0  # for what is at work, and for the last entries of the log
METRICS_EVERY_S = 5.0
NAMED = 20  # failures in the words at the end

WORKERS = "Workers"  # the title of their panel

At = Annotated[
    str, typer.Argument(metavar="CATALOGUE", help="Folder, or address in an object store.")
]
Name = Annotated[str, typer.Option(metavar="NAME", help="Which run of the catalogue.")]
Price = Annotated[
    float | None,
    typer.Option(metavar="NUMBER", help="What a worker costs an hour.", show_default=False),
]
Out = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER",
        help="Folder, or address in an object store, for what is made.",
        show_default="that of the run",
        rich_help_panel=OUTPUT,
    ),
]
Metrics = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Keep figures for Prometheus in that file.", show_default=False
    ),
]


def is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def begin(at: "Catalogue", output: str | None, asked: bool, make: "Callable[[], Request]") -> None:
    """Keep what is asked for, or go on with what was where nothing is.

    make: what is done with every row. Raises UsageError, InputError, and what `make` raises.
    """
    from unweave.cluster import places
    from unweave.cluster.catalogue import Run
    from unweave.errors import UsageError

    at.check()
    before = at.run()
    if before is not None and not asked and output is None:
        return
    if before is None and output is None:
        raise UsageError("give the folder or address for what is made with -o")
    place = places.absolute(output) if output is not None else before and before.output
    places.check_output(place or "")
    at.begin(Run(make(), place or ""))


def fetch_weights(current: Session, model: str, stems: tuple[str, ...], pull: bool) -> None:
    from unweave.cli.weights import fetch

    fetch(current, [model], stems=stems, ask=not pull)


def work_through_rows(
    current: Session,
    at: "Catalogue",
    workers: Workers,
    prometheus: Path | None,
    retry: bool = False,
) -> None:
    """Run, say how far it is, and exit."""
    from unweave.cli.progress import display
    from unweave.cluster.log import FAILED
    from unweave.cluster.progress import Progress
    from unweave.cluster.run import run as work_through
    from unweave.core.files import atomic_write

    told: list[str] = []
    kept_s = -math.inf  # when the figures were

    def on_entry(row: "Row", entry: "Entry") -> None:
        if entry.state == FAILED:
            if len(told) < NAMED:
                current.error(entry.reason)
            told.append(entry.reason)

    with display(current) as shown:

        def on_progress(progress: Progress) -> None:
            shown.say(progress.in_words())
            nonlocal kept_s
            if prometheus is not None and time.monotonic() - kept_s >= METRICS_EVERY_S:
                atomic_write(prometheus, progress.prometheus(at.name))
                kept_s = time.monotonic()

        progress = work_through(
            at,
            workers=workers,
            retry=retry,
            on_progress=on_progress,
            on_entry=on_entry,
            should_stop=current.should_stop,
        )
        kept_s = -math.inf
        on_progress(progress)
    if len(told) > NAMED:
        current.note(f"and {len(told) - NAMED} more failures; see: unweave catalogue export")
    current.result(progress.in_words())
    stopped = current.should_stop() and progress.left > 0
    if stopped:
        current.error(f"interrupted; {progress.left} rows are left; run it again to go on")
    code = 130 if stopped else 1 if progress.failed else 0
    if current.as_json:
        current.emit({**progress.as_dict(), "errors": told[:NAMED], "exit_code": code})
    raise typer.Exit(code)
