"""`unweave nmf learn`: what stems sound like, learned from examples for the technique `nmf`."""

from pathlib import Path
from typing import Annotated

import typer

from unweave.cli.options import Json, Quiet, Tracebacks, dataset_names
from unweave.cli.session import session

app = typer.Typer(help="Dictionaries for the technique nmf.", no_args_is_help=True)


@app.callback()
def nmf() -> None:
    """Dictionaries for the technique nmf: learn."""


@app.command("learn", no_args_is_help=True)
def learn(
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="CARD.TOML",
            help="Card to write; the spectra are written beside it.",
        ),
    ],
    examples: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STEM=PATH...",
            help="Recordings of a stem alone, files or folders, as in vocals=voices/.",
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            "-d",
            help="Dataset whose stems to learn instead.",
            autocompletion=dataset_names,
        ),
    ] = None,
    root: Annotated[Path | None, typer.Option("--root", help="Folder of the dataset.")] = None,
    split: Annotated[str | None, typer.Option("--split", help="Split of the dataset.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Option of nmf; see 'unweave models show nmf'."
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Steps of discriminative training, which takes most of the time. 0: none.",
            min=0,
            show_default="240",
        ),
    ] = None,
    title: Annotated[str, typer.Option(help="Title of the card.")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the dictionaries.")] = "",
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Tracebacks = False,
) -> None:
    """Learn spectra of each stem, for 'unweave separate -m nmf --set dictionaries=CARD.TOML'."""
    with session(quiet=quiet, verbose=verbose, as_json=as_json) as current:
        from unweave.apps.nmf import learn as study
        from unweave.cli.progress import counted, display
        from unweave.core.files import shown
        from unweave.options import parse

        with display(current) as progress:
            found = study(
                output,
                examples or (),
                dataset=dataset,
                root=root,
                split=split,
                steps=steps,
                title=title,
                licence=licence,
                options=parse(settings or ()),
                on_start=lambda: progress.start(output, shown(output.name)),
                on_progress=lambda at: progress.update(output, at.done_s, at.total_s),
            )
            progress.end(output)
        for stem, count in found.components.items():
            current.result(
                f"{shown(stem)}: {count} spectra from "
                f"{counted(found.recordings[stem], 'recording')}, "
                f"{found.seconds[stem]:.0f} s"
            )
        for path in (found.card, found.weights):
            current.result(f"  {shown(path)}")
        if as_json:
            current.emit(
                {
                    "card": str(found.card),
                    "weights": str(found.weights),
                    "sha256": found.sha256,
                    "components": dict(found.components),
                    "recordings": dict(found.recordings),
                    "seconds": dict(found.seconds),
                }
            )


EXAMPLES = {
    learn: (
        "unweave nmf learn vocals=voices/ accompaniment=bands/ -o songs.toml",
        "unweave separate song.mp3 -m nmf --set dictionaries=songs.toml",
    ),
}
