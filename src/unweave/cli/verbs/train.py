"""`unweave train`: a recipe to weights that `unweave separate -m` takes."""

from pathlib import Path
from typing import Annotated

import typer

from unweave.cli.options import Json, Quiet, Verbose
from unweave.cli.session import session

STEP_S = 30.0  # at most, for the step that is being made and its checkpoint, after Ctrl-C


def train(
    recipe: Annotated[
        Path | None,
        typer.Argument(metavar="RECIPE.TOML", help="Recipe.", show_default=False),
    ] = None,
    new: Annotated[
        str | None,
        typer.Option(
            "--new", metavar="NAME", help="Write a commented recipe NAME.toml, and stop.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder of the run.", show_default="runs/NAME"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume from the run's last checkpoint.")
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Setting of the recipe, as in optimiser.rate=1e-4."
        ),
    ] = None,
    devices: Annotated[
        int, typer.Option(min=1, help="Number of processes or GPUs that share every batch.")
    ] = 1,
    nodes: Annotated[
        int, typer.Option(min=1, help="Number of machines; torchrun starts it on each of them.")
    ] = 1,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:  # fmt: skip
    """Train a network from a recipe, or write a new recipe.

    Ctrl-C stops at the next step; --resume continues the run with the same result. The run's folder
    holds the weights with their card, curves and checkpoints.
    """
    with session(
        quiet=quiet, verbose=verbose, as_json=as_json, polls=new is None, patience_s=STEP_S
    ) as current:
        from unweave.errors import UsageError

        if (recipe is None) == (new is None):
            raise UsageError("give a RECIPE.TOML, or --new NAME for a new one")
        if new is not None:
            from unweave.training.template import write

            path = write(new)
            current.result(f"{path}: fill it in, then: unweave train {path}")
            return
        assert recipe is not None
        try:
            import pytorch_lightning  # noqa: F401
        except ImportError as error:
            raise UsageError(
                f"training needs additional packages ({error.name} is missing); "
                "run: pip install 'unweave[train]'"
            ) from error
        from unweave.cli.progress import display
        from unweave.training.recipe import read
        from unweave.training.run import train as run

        meant = read(recipe, settings or ())
        with display(current) as progress:
            result = run(
                meant,
                output or Path("runs") / meant.name,
                resume=resume,
                devices=devices,
                nodes=nodes,
                say=current.note,
                line=progress.say,
                should_stop=current.should_stop,
            )
        words = ", ".join(f"{name} {value:.2f} dB" for name, value in result.scores.items())
        current.result(f"{result.card}: {words or 'the last weights; no track had a score'}")
        current.result(f"try it: unweave separate SONG -m {result.card}")
        if as_json:
            current.emit({"card": str(result.card), "scores": result.scores, "steps": result.steps})


EXAMPLES = ("unweave train --new voice", "unweave train voice.toml --resume")
