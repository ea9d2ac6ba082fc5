"""`unweave separate`: recordings in, stems out."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from unweave.cli import lean
from unweave.cli.declared import with_options
from unweave.cli.options import (
    MACHINE,
    MODEL,
    OUTPUT,
    Chosen,
    JsonInPanel,
    Model,
    Pull,
    QuietInPanel,
    Seed,
    Settings,
    VerboseInPanel,
    Workers,
)
from unweave.cli.session import session
from unweave.joining import Joining
from unweave.request import Execution, Inference, Output


class Bandwidth(StrEnum):
    FULL = "full"
    MODEL = "model"


@with_options({Output: OUTPUT, Joining: MODEL, Inference: MODEL, Execution: MACHINE})
def separate(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="RECORDINGS...",
            help="Audio or video files, folders of them, or patterns in quotes.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Folder for the stems.", rich_help_panel=OUTPUT
        ),
    ] = Path("stems"),
    stems: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES",
            help="Stems to write, as in 'vocals' or 'vocals,accompaniment'; 'karaoke' and "
            "'instrumental' are the accompaniment, 'residual' what the stems leave of the mix.",
            show_default="all",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    filename_template: Annotated[
        str,
        typer.Option(
            metavar="TEMPLATE",
            help="Path of each stem in the output folder. Fields: {name} {stem} {ext} "
            "{model} {input_ext} {parent}.",
            rich_help_panel=OUTPUT,
        ),
    ] = "{name}/{stem}.{ext}",
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Overwrite existing stems.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing",
            help="Skip recordings with stems of the same model and options (the default).",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    model: Model = None,
    quality: Chosen = None,
    pull: Pull = False,
    bandwidth: Annotated[
        Bandwidth | None,
        typer.Option(
            help="'full' keeps frequencies above the model's band, 'model' drops them.",
            show_default="full",
            rich_help_panel=MODEL,
        ),
    ] = None,
    wiener: Annotated[
        bool,
        typer.Option(
            "--wiener",
            help="Refine the stems with a multichannel Wiener filter.",
            rich_help_panel=MODEL,
        ),
    ] = False,
    mask_exponent: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            help="Exponent of the masks; higher values make harder masks.",
            show_default="the model's",
            rich_help_panel=MODEL,
        ),
    ] = None,
    then: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STEM:NAME",
            help="Separate a stem further, as in 'drums:drumsep'; give it again for more steps.",
            show_default=False,
            rich_help_panel=MODEL,
        ),
    ] = None,
    settings_: Settings = None,
    seed: Seed = 0,
    workers: Workers = 1,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Work on a cluster of Ray: HOST:PORT, local for this machine, or auto; with "
            "--jobs, so many workers.",
            show_default="none",
            rich_help_panel=MACHINE,
        ),
    ] = None,
    as_json: JsonInPanel = False,
    quiet: QuietInPanel = False,
    verbose: VerboseInPanel = False,
    **options: Any,
) -> None:
    """Separate recordings into their stems."""
    with session(quiet=quiet, verbose=verbose, as_json=as_json, polls=True) as current:
        from unweave import registry
        from unweave.cli.batch import chosen, work_through
        from unweave.cli.outcomes import remember
        from unweave.errors import UsageError
        from unweave.jobs import prepare, run
        from unweave.options import parse
        from unweave.registry import facts
        from unweave.request import run_options

        if overwrite and skip_existing:
            raise UsageError("--overwrite and --skip-existing contradict each other; use one")
        model = chosen(current, model, quality, stems or ())
        own = parse(settings_ or ())
        if bandwidth is not None:
            own["bandwidth"] = str(bandwidth)
        if wiener:
            own["wiener"] = 1
        if mask_exponent is not None:
            own["mask_exponent"] = mask_exponent
        how, inference, execution, joined = run_options(options)
        own |= joined
        if then:
            own["then"] = then
        else:
            lean.start_lean(model, registry.DEFAULT)
        request = registry.request(
            model,
            own,
            stems=stems or (),
            seed=seed,
            output=how,
            inference=inference,
            execution=execution,
        )
        model = request.separator.model or model
        if notes := facts.notes(model):
            current.note(f"{model}: {notes}")
        plan = prepare(inputs, request, output, template=filename_template, overwrite=overwrite)
        pool = None
        if ray is not None:
            from unweave.cluster.folder import on_ray

            pool = on_ray(ray, workers if workers > 1 else None, execution)
        work_through(
            current,
            plan.jobs,
            plan.missed,
            plan.passed_over,
            lambda watcher: run(
                plan.jobs,
                plan.request,
                watcher,
                workers=workers,
                pool=pool,
                should_stop=current.should_stop,
            ),
            models=[model],
            stems=request.needed,
            pull=pull,
            after=lambda outcomes: (
                remember(model, request, outcomes) if workers == 1 and ray is None else None
            ),
        )


EXAMPLES = (
    "unweave separate song.mp3",
    "unweave separate album/ -o stems --format flac --skip-existing",
    "unweave separate song.mp3 -m hpss --start 1:00 --end 2:30",
)
