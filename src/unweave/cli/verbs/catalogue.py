"""`unweave catalogue`: many recordings, separated by many processes on one machine or on many."""

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unweave.cli.catalogues import WORKERS, At, Metrics, Name, Price
from unweave.cli.declared import with_options
from unweave.cli.options import MACHINE, MODEL, OUTPUT, Json, Model, Pull, Quiet, Seed, Settings
from unweave.cli.session import Session, session
from unweave.cluster.workers import Workers
from unweave.request import Execution, Inference, Output

if TYPE_CHECKING:
    from unweave.cluster.catalogue import Catalogue
    from unweave.cluster.log import Entry
    from unweave.cluster.manifest import Row

PATIENCE_S = 60.0  # for what is at work, and for the last entries of the log
METRICS_EVERY_S = 5.0
NAMED = 20  # failures in the words at the end

app = typer.Typer(help="Catalogues: many recordings, separated by one machine or by many.")


@app.command("scan", no_args_is_help=True)
def scan(
    catalogue: At,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCES...",
            help="Folders, addresses (s3://, gs://, az://, http://), lists of addresses (.txt).",
        ),
    ],
    headers: Annotated[bool, typer.Option(help="Look at the headers of each recording.")] = True,
    threads: Annotated[int, typer.Option(metavar="N", help="Looked at in parallel.", min=1)] = 8,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Add the recordings of sources to a catalogue; what is in it already is passed over."""
    with session(quiet=quiet, as_json=as_json, polls=True, patience_s=PATIENCE_S) as current:
        from unweave.cli.progress import display
        from unweave.cluster.catalogue import Catalogue
        from unweave.cluster.scan import scan as scanned

        with display(current) as shown:
            found = scanned(
                Catalogue(catalogue),
                sources,
                headers=headers,
                threads=threads,
                on_progress=lambda so_far: shown.say(so_far.in_words()),
                should_stop=current.should_stop,
            )
        current.result(found.in_words())
        if as_json:
            current.emit(found.as_dict())


@app.command("plan", no_args_is_help=True)
def plan(
    catalogue: At,
    name: Name = "separate",
    model: Model = None,
    stems: Annotated[list[str] | None, typer.Option(metavar="NAMES", help="Stems.")] = None,
    format: Annotated[str, typer.Option(metavar="NAME", help="Format of the stems.")] = "wav",
    actors: Annotated[int, typer.Option(metavar="N", help="Workers.", min=1)] = 1,
    price_per_hour: Price = None,
    as_json: Json = False,
) -> None:
    """Estimate hours, memory, bytes and cost of a run, by speeds that were measured.

    Of a run that was begun, its own request counts.
    """
    with session(as_json=as_json) as current:
        from unweave import registry
        from unweave.cluster.catalogue import Catalogue, Run
        from unweave.cluster.plan import plan as planned

        at = Catalogue(catalogue, name)
        begun = at.run() or Run(
            registry.request(
                model or registry.DEFAULT, {}, stems=stems or (), output=Output(format=format)
            ),
            "",
        )
        found = planned(at, begun, workers=actors, price_per_hour=price_per_hour).as_dict()
        if as_json:
            current.emit(found)
            return
        current.result(f"{begun.request.separator.name}, by {found.pop('measured')}")
        for key, value in found.items():
            text = "not known" if value is None else f"{value:,.6g}"
            current.result(f"  {key.replace('_', ' '):<16} {text}")


@app.command("run", no_args_is_help=True)
@with_options({Output: OUTPUT, Inference: MODEL, Execution: MACHINE, Workers: WORKERS})
def run(
    context: typer.Context,
    catalogue: At,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder, or address in an object store, for the stems.",
            show_default="that of the run",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    stems: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES", help="Stems to write.", show_default="all", rich_help_panel=OUTPUT
        ),
    ] = None,
    name: Name = "separate",
    model: Model = None,
    pull: Pull = False,
    settings_: Settings = None,
    seed: Seed = 0,
    prometheus: Metrics = None,
    as_json: Json = False,
    quiet: Quiet = False,
    **options: Any,
) -> None:
    """Separate every recording of a catalogue with one request; what is done is left as it is.

    The first run of a name says what is done; without options, later ones go on with it.
    """
    with session(quiet=quiet, as_json=as_json, polls=True, patience_s=PATIENCE_S) as current:
        from unweave import registry
        from unweave.cluster import places
        from unweave.cluster.catalogue import Catalogue, Run
        from unweave.errors import UsageError
        from unweave.options import options_of, parse
        from unweave.request import run_options

        of_workers = {item.name for item in options_of(Workers)}
        workers = Workers(**{name: options.pop(name) for name in {*options} & of_workers})
        at = Catalogue(catalogue, name)
        at.check()
        before = at.run()
        computed = {item.name for item in options_of(Execution)}
        own = {"stems", "model", "settings_", "seed", *options} - computed
        asked = output is not None or any(_is_typed(context, word) for word in own)
        if before is None or asked:
            if before is None and output is None:
                raise UsageError("give the folder or address for the stems with -o")
            place = places.absolute(output) if output is not None else before and before.output
            places.check_output(place or "")
            how, inference, execution, _ = run_options(options)
            chosen = model or registry.DEFAULT
            request = registry.request(
                chosen,
                parse(settings_ or ()),
                stems=stems or (),
                seed=seed,
                output=how,
                inference=inference,
                execution=execution,
            )
            _fetch(current, chosen, request.needed, pull)
            at.begin(Run(request, place or ""))
        _work(current, at, workers, prometheus)


@app.command("retry", no_args_is_help=True)
@with_options({Workers: WORKERS})
def retry(
    catalogue: At,
    name: Name = "separate",
    prometheus: Metrics = None,
    as_json: Json = False,
    quiet: Quiet = False,
    **options: Any,
) -> None:
    """Go on with a run, and do the rows again that failed."""
    with session(quiet=quiet, as_json=as_json, polls=True, patience_s=PATIENCE_S) as current:
        from unweave.cluster.catalogue import Catalogue

        _work(current, Catalogue(catalogue, name), Workers(**options), prometheus, retry=True)


@app.command("status", no_args_is_help=True)
def status(
    catalogue: At,
    name: Name = "separate",
    compact: Annotated[
        bool, typer.Option("--compact", help="Put the files of the log into one first.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show how many recordings there are, and how a run stands."""
    with session(as_json=as_json) as current:
        from unweave.cluster import log
        from unweave.cluster.catalogue import Catalogue
        from unweave.cluster.status import status as found_status

        at = Catalogue(catalogue, name)
        if compact:
            with at.held(f"run-{name}", current.should_stop):
                log.compact(at)
        found = found_status(at)
        if as_json:
            current.emit(found)
            return
        hours = found["sound_s"] / 3600
        current.result(f"{found['rows']} recordings, {hours:.2f} h, {found['broken']} broken")
        if not found["begun"]:
            current.result(f"no run called {name}")
            return
        done = found["done_sound_s"] / 3600
        current.result(
            f"{name}: {found['model']}, {', '.join(found['stems'])}: {found['done']} done "
            f"({done:.2f} h), {found['failed']} failed, {found['left']} left"
        )
        for kind, count in sorted(found["failures"].items()):
            current.result(f"  {kind}: {count}")


@app.command("verify", no_args_is_help=True)
def verify(
    catalogue: At,
    name: Name = "separate",
    sample: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of the recordings, drawn at random.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Random seed of that.")] = 0,
    sizes_only: Annotated[
        bool, typer.Option("--sizes-only", help="Compare sizes; read no file.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare the stems in their places with the log.

    Exit code: 0 where all are as they were written, 1 where one is not.
    """
    with session(as_json=as_json, polls=True) as current:
        from dataclasses import asdict

        from unweave.cluster.catalogue import Catalogue
        from unweave.cluster.verify import Fault
        from unweave.cluster.verify import verify as verified

        faults: list[Fault] = []

        def on_fault(fault: Fault) -> None:
            faults.append(fault)
            current.error(fault.why)

        found = verified(
            Catalogue(catalogue, name),
            sample=sample,
            seed=seed,
            sizes_only=sizes_only,
            on_fault=on_fault,
            should_stop=current.should_stop,
        )
        current.result(
            f"{found.rows} recordings, {found.files} files, {found.bytes} bytes: "
            f"{found.faults} not as written"
        )
        if as_json:
            current.emit({**asdict(found), "differ": [asdict(fault) for fault in faults]})
        raise typer.Exit(1 if found.faults else 0)


@app.command("export", no_args_is_help=True)
def export(
    catalogue: At,
    target: Annotated[
        Path, typer.Argument(metavar="FILE", help="It ends in .csv, .parquet or .jsonl.")
    ],
    name: Name = "separate",
    failed: Annotated[bool, typer.Option("--failed", help="Those that failed only.")] = False,
    as_json: Json = False,
) -> None:
    """Write a table of the recordings and what became of each."""
    with session(as_json=as_json) as current:
        from unweave.cluster.catalogue import Catalogue
        from unweave.cluster.export import export as exported
        from unweave.core.files import shown

        count = exported(Catalogue(catalogue, name), target, failed_only=failed)
        current.result(f"{shown(target)}: {count} rows")
        if as_json:
            current.emit({"file": str(target), "rows": count})


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _fetch(current: Session, model: str, stems: tuple[str, ...], pull: bool) -> None:
    from unweave.cli.weights import fetch

    fetch(current, [model], stems=stems, ask=not pull)


def _work(
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


EXAMPLES = {
    scan: ("unweave catalogue scan archive.cat s3://bucket/music",),
    plan: ("unweave catalogue plan archive.cat -m htdemucs --actors 8 --price-per-hour 0.4",),
    run: ("unweave catalogue run archive.cat -o s3://bucket/stems --stems vocals",),
    retry: ("unweave catalogue retry archive.cat",),
    status: ("unweave catalogue status archive.cat --json",),
    verify: ("unweave catalogue verify archive.cat --sample 0.05",),
    export: ("unweave catalogue export archive.cat failed.csv --failed",),
}
