"""Options of an analysis, of one song or of a catalogue's."""

from typing import Annotated

import typer

from unweave.cli.options import OUTPUT

NoSeparate = Annotated[bool, typer.Option("--no-separate", help="Analyse the mix as it is.")]
Least = Annotated[
    float | None,
    typer.Option(
        metavar="NUMBER",
        help="0 to 1: leave out what has a lower confidence.",
        show_default="by what it is",
    ),
]
Exports = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KINDS",
        help="jams, csv, mid, labels (Audacity), rpp (REAPER) or png (picture).",
        show_default="jams,csv,mid,labels",
        rich_help_panel=OUTPUT,
    ),
]
