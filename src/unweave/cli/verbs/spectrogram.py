"""`unweave spectrogram`: look at a mix and its stems."""

from pathlib import Path
from typing import Annotated

import typer

from unweave.cli.options import End, Json, Quiet, Start, Tracebacks
from unweave.cli.session import session


def spectrogram(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILES...",
            help="Recordings, a report.json, or a folder of stems.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="PNG to write.", show_default="spectrogram.png beside the report"
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="A report.json, to draw its mix and all its stems.")
    ] = None,
    start: Start = None,
    end: End = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Tracebacks = False,
) -> None:
    """Draw spectrograms, one above the other on one dB scale, into a PNG."""
    with session(quiet=quiet, verbose=verbose, as_json=as_json) as current:
        from unweave.core.files import shown
        from unweave.core.region import region
        from unweave.viz.spectrogram import spectrogram as draw

        picture = draw(
            files or [],
            output,
            report=report,
            region=region(start, end),
            on_file=lambda path: current.note(f"{shown(path)}: reading"),
        )
        current.result(shown(picture))
        if as_json:
            current.emit({"picture": str(picture)})


EXAMPLES = ("unweave spectrogram song.mp3", "unweave spectrogram stems/song -o song.png")
