"""`unweave catalogue`: many recordings, separated by many processes on one machine or on many."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unweave.cli.analyses import Exports, Least, NoSeparate
from unweave.cli.catalogues import (
    PATIENCE_S,
    WORKERS,
    Asked,
    At,
    Metrics,
    Name,
    Price,
    begins,
    work_through_rows,
)
from unweave.cli.declared import with_options
from unweave.cli.evaluations import Map, Metric, Protocol, RoundTo
from unweave.cli.options import MACHINE, MODEL, OUTPUT, Json, Model, Quiet, Rounding
from unweave.cli.session import session
from unweave.cluster.workers import Workers
from unweave.request import Execution, Inference, Output

if TYPE_CHECKING:
    from unweave.cluster.kinds import Request

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
        from unweave.cluster.kinds import Separate
        from unweave.cluster.plan import plan as planned

        at = Catalogue(catalogue, name)
        request = registry.request(
            model or registry.DEFAULT, {}, stems=stems or (), output=Output(format=format)
        )
        begun = at.run() or Run(Separate(request), "")
        found = planned(at, begun, workers=actors, price_per_hour=price_per_hour).as_dict()
        if as_json:
            current.emit(found)
            return
        what = begun.request.model or begun.request.kind
        current.result(f"{what}, by {found.pop('measured')}")
        for key, value in found.items():
            text = "not known" if value is None else f"{value:,.6g}"
            current.result(f"  {key.replace('_', ' '):<16} {text}")


@app.command("run", no_args_is_help=True)
@begins("separate", {Output: OUTPUT, Inference: MODEL, Execution: MACHINE})
def run(
    asked: Asked,
    stems: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES", help="Stems to write.", show_default="all", rich_help_panel=OUTPUT
        ),
    ] = None,
    **options: Any,
) -> "Request":
    """Separate every recording of a catalogue with one request; what is done is left as it is.

    The first run of a name says what is done; without options, later ones go on with it.
    """
    from unweave import registry
    from unweave.cluster.kinds import Separate
    from unweave.request import run_options

    output, inference, execution, _ = run_options(options)
    request = registry.request(
        asked.chosen(),
        asked.settings(),
        stems=stems or (),
        seed=asked.seed,
        output=output,
        inference=inference,
        execution=execution,
    )
    return Separate(request)


@app.command("analyze", no_args_is_help=True)
@begins("analyze", {Inference: MODEL, Execution: MACHINE})
def analyze(
    asked: Asked,
    no_separate: NoSeparate = False,
    least: Least = None,
    export: Exports = None,
    **options: Any,
) -> "Request":
    """Analyse every recording of a catalogue, as 'unweave analyze' does; what is done is left.

    The first run of a name says what is done; without options, later ones go on with it.
    """
    from unweave.apps.analyze.files import USUAL
    from unweave.cluster.kinds import Analyze
    from unweave.errors import UsageError
    from unweave.options import names

    if no_separate and asked.model:
        raise UsageError("--no-separate and --model exclude each other; leave out one")
    model = None if no_separate else asked.chosen()
    own = {} if no_separate else {**asked.settings(), "seed": asked.seed}
    return Analyze(model, {**own, **options}, least, tuple(names(export)) or USUAL)


@app.command("evaluate", no_args_is_help=True)
@begins("evaluate", {Inference: MODEL, Execution: MACHINE})
def evaluate(
    asked: Asked,
    references: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Where the true stems of a recording lie: a folder, as true/{name}, or files, as "
            "{folder}/{stem}.wav.",
            show_default="those of the run",
        ),
    ] = None,
    estimates: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Where its estimates lie, as out/{row} for what 'run -o out' made.",
            show_default="separated by the model",
        ),
    ] = None,
    metric: Metric = Protocol.V4,
    map_: Map = None,
    rounding: RoundTo = Rounding.AUTO,
    **options: Any,
) -> "Request":
    """Score every recording of a catalogue, as 'unweave evaluate' does; what is done is left.

    The first run of a name says what is done; without options, later ones go on with it. Fields of
    patterns: {folder}, {parent}, {path}, {name}, {input_ext}, {row}, {stem}.
    """
    from unweave.cluster.kinds import Evaluate
    from unweave.cluster.layout import pattern
    from unweave.errors import UsageError
    from unweave.evaluation.names import parse_mapping

    if references is None:
        raise UsageError("say where the true stems lie with --references, as true/{name}")
    if estimates is not None and asked.model:
        raise UsageError("--estimates and --model exclude each other; leave out one")
    model = None if estimates is not None else asked.chosen()
    own = {} if model is None else {**asked.settings(), "seed": asked.seed}
    return Evaluate(
        references=pattern(references, "--references"),
        estimates=None if estimates is None else pattern(estimates, "--estimates"),
        model=model,
        options={**own, **options},
        metric=str(metric),
        mapping=parse_mapping(map_ or ()),
        rounding=str(rounding),
    )


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

        at = Catalogue(catalogue, name)
        work_through_rows(current, at, Workers(**options), prometheus, retry=True)


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
        what = ", ".join(filter(None, (found["kind"], found["model"], *found["stems"])))
        current.result(
            f"{name}: {what}: {found['done']} done "
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


EXAMPLES = {
    scan: ("unweave catalogue scan archive.cat s3://bucket/music",),
    plan: ("unweave catalogue plan archive.cat -m htdemucs --actors 8 --price-per-hour 0.4",),
    run: ("unweave catalogue run archive.cat -o s3://bucket/stems --stems vocals",),
    analyze: ("unweave catalogue analyze archive.cat -o analyses/ --no-separate",),
    evaluate: ("unweave catalogue evaluate archive.cat -o scores/ --references 'true/{name}'",),
    retry: ("unweave catalogue retry archive.cat",),
    status: ("unweave catalogue status archive.cat --json",),
    verify: ("unweave catalogue verify archive.cat --sample 0.05",),
    export: ("unweave catalogue export archive.cat failed.csv --failed",),
}
