"""`unweave partials`: the partials of a recording as data and as a picture."""

from pathlib import Path
from typing import Annotated

import typer

from unweave.cli.options import Json, Quiet, Tracebacks
from unweave.cli.session import session


def partials(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Recording or video.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write: .csv, .json or .sdif.",
            show_default="NAME-partials.csv",
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Picture of the partials to write: .png.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Option of the analysis; see 'unweave models show sinusoidal'.",
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Tracebacks = False,
) -> None:
    """Track every partial: its times, frequency, amplitude and phase."""
    with session(quiet=quiet, verbose=verbose, as_json=as_json) as current:
        from unweave.apps.partials import partials as follow
        from unweave.cli.progress import display
        from unweave.core.files import shown
        from unweave.options import parse

        options = parse(settings or ())
        with display(current) as progress:
            found = follow(
                file,
                output,
                plot=plot,
                options=options,
                on_start=lambda: progress.start(file, shown(file.name)),
                on_progress=lambda at: progress.update(file, at.done_s, at.total_s),
            )
            progress.end(file)
        for warning in found.warnings:
            current.note(f"warning: {shown(warning)}")
        current.result(f"{found.tracks} partials, {found.points} points")
        for path in found.files:
            current.result(f"  {shown(path)}")
        if as_json:
            current.emit(
                {
                    "partials": found.tracks,
                    "points": found.points,
                    "files": [str(path) for path in found.files],
                    "warnings": list(found.warnings),
                }
            )


EXAMPLES = ("unweave partials flute.wav --plot flute.png",)
