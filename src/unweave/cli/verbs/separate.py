"""`unweave separate`: recordings in, stems out."""

import os
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from unweave.cli import lean
from unweave.cli.declared import with_options
from unweave.cli.options import MESSAGES, QuietInPanel, VerboseInPanel, model_names
from unweave.cli.session import session
from unweave.request import Execution, Inference, Output


class Bandwidth(StrEnum):
    FULL = "full"
    MODEL = "model"


class Quality(StrEnum):
    """The choices of `registry.quality`."""

    FAST = "fast"
    BALANCED = "balanced"
    BEST = "best"


OUTPUT, MODEL, MACHINE = "Output", "Model", "Machine"


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
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            help="Separator; see 'unweave models'.",
            autocompletion=model_names,
            show_default="spleeter-2stems",
            rich_help_panel=MODEL,
        ),
    ] = None,
    quality: Annotated[
        Quality | None,
        typer.Option(
            help="Have a model chosen for the stems, of those whose weights are here.",
            show_default=False,
            rich_help_panel=MODEL,
        ),
    ] = None,
    pull: Annotated[
        bool,
        typer.Option(
            "--pull",
            help="Fetch the weights of the model where they are not here, without a question.",
            rich_help_panel=MODEL,
        ),
    ] = False,
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
    settings_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Option of the separator; see 'unweave models show NAME'.",
            rich_help_panel=MODEL,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(metavar="NUMBER", help="Random seed.", rich_help_panel=MACHINE),
    ] = 0,
    jobs: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="Number of files in parallel.",
            rich_help_panel=MACHINE,
        ),
    ] = 1,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="One JSON document on stdout; messages on stderr.",
            rich_help_panel=MESSAGES,
        ),
    ] = False,
    quiet: QuietInPanel = False,
    verbose: VerboseInPanel = False,
    **options: Any,
) -> None:
    """Separate recordings into their stems."""
    with session(quiet=quiet, verbose=verbose, as_json=as_json, polls=True) as current:
        from unweave import registry
        from unweave.cli.outcomes import Watcher, document, remember, sum_up
        from unweave.cli.progress import display
        from unweave.cli.weights import fetch
        from unweave.errors import UsageError
        from unweave.jobs import (
            Outcome,
            cancelled,
            exit_code,
            in_words,
            not_found,
            prepare,
            run,
        )
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
        started = time.monotonic()
        missed = [not_found(item) for item in plan.missed]
        for outcome in missed:
            current.error(outcome.error)

        def written(outcomes: list[Outcome]) -> dict[str, Any]:
            passed_over = [str(item.path) for item in plan.passed_over]
            return {**document(outcomes, exit_code(outcomes)), "passed_over": passed_over}

        if not all(os.path.exists(job.report) for job in plan.jobs):
            fetch(current, [model], stems=request.needed, ask=not pull)
        weights = {job.report: _size(job.source) for job in plan.jobs}
        with display(current, weights) as shown_progress:
            watcher = Watcher(current, shown_progress)
            current.so_far = lambda: written(
                missed + [watcher.outcomes.get(job.report) or cancelled(job) for job in plan.jobs]
            )
            outcomes = missed + run(
                plan.jobs,
                plan.request,
                watcher,
                workers=jobs,
                should_stop=current.should_stop,
            )
        if jobs == 1:
            remember(model, request, outcomes)
        sum_up(current, outcomes, time.monotonic() - started)
        if plan.passed_over:
            current.note(in_words(plan.passed_over))
        if as_json:
            current.emit(written(outcomes))
        raise typer.Exit(exit_code(outcomes))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


EXAMPLES = (
    "unweave separate song.mp3",
    "unweave separate album/ -o stems --format flac --skip-existing",
    "unweave separate song.mp3 -m hpss --start 1:00 --end 2:30",
)
