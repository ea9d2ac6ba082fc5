"""`unweave separate`: recordings in, stems out."""

import os
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
    JsonInPanel,
    Model,
    Pull,
    Quality,
    QuietInPanel,
    Seed,
    Settings,
    VerboseInPanel,
)
from unweave.cli.session import session
from unweave.request import Execution, Inference, Output


class Bandwidth(StrEnum):
    FULL = "full"
    MODEL = "model"


@with_options({Output: OUTPUT, Inference: MODEL, Execution: MACHINE})
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
    quality: Annotated[
        Quality | None,
        typer.Option(
            help="Have a model chosen for the stems, of those whose weights are here.",
            show_default=False,
            rich_help_panel=MODEL,
        ),
    ] = None,
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
    settings_: Settings = None,
    seed: Seed = 0,
    jobs: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="Number of files in parallel.",
            rich_help_panel=MACHINE,
        ),
    ] = 1,
    as_json: JsonInPanel = False,
    quiet: QuietInPanel = False,
    verbose: VerboseInPanel = False,
    **options: Any,
) -> None:
    """Separate recordings into their stems."""
    with session(quiet=quiet, verbose=verbose, as_json=as_json, polls=True) as current:
        from unweave import registry
        from unweave.cli.batch import work_through
        from unweave.cli.outcomes import remember
        from unweave.cli.weights import fetch
        from unweave.errors import UsageError
        from unweave.jobs import prepare, run
        from unweave.options import parse
        from unweave.request import run_options

        if overwrite and skip_existing:
            raise UsageError("--overwrite and --skip-existing contradict each other; use one")
        if quality is not None:
            from unweave.registry.quality import choose_installed

            if model is not None:
                raise UsageError("--quality chooses the model: leave out --model, or --quality")
            choice = choose_installed(quality, stems or ())
            model = choice.chosen.name
            for line in choice.in_words():
                current.note(line)
        model = model or registry.DEFAULT
        own = parse(settings_ or ())
        if bandwidth is not None:
            own["bandwidth"] = str(bandwidth)
        if wiener:
            own["wiener"] = 1
        if mask_exponent is not None:
            own["mask_exponent"] = mask_exponent
        lean.start_lean(model, registry.DEFAULT)
        how, inference, execution, _ = run_options(options)
        request = registry.request(
            model,
            own,
            stems=stems or (),
            seed=seed,
            output=how,
            inference=inference,
            execution=execution,
        )
        plan = prepare(inputs, request, output, template=filename_template, overwrite=overwrite)

        def pull_what_is_needed() -> None:
            if not all(os.path.exists(job.report) for job in plan.jobs):
                fetch(current, [model], stems=request.needed, ask=not pull)

        work_through(
            current,
            plan.jobs,
            plan.missed,
            plan.passed_over,
            lambda watcher: run(
                plan.jobs, plan.request, watcher, workers=jobs, should_stop=current.should_stop
            ),
            before=pull_what_is_needed,
            after=lambda outcomes: remember(model, request, outcomes) if jobs == 1 else None,
        )


EXAMPLES = (
    "unweave separate song.mp3",
    "unweave separate album/ -o stems --format flac --skip-existing",
    "unweave separate song.mp3 -m hpss --start 1:00 --end 2:30",
)
