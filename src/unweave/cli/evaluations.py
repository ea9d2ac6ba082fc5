"""Options of an evaluation, of one song or of a catalogue's."""

from enum import StrEnum
from typing import Annotated

import typer

from unweave.cli.options import ROUNDING, Rounding


class Protocol(StrEnum):
    """The keys of `evaluation.evaluate.PROTOCOLS`."""

    V4 = "v4"
    V3 = "v3"
    V3_SOURCES = "v3-sources"
    GLOBAL = "global"


Metric = Annotated[
    Protocol,
    typer.Option(
        help="v4: BSS Eval v4, one-second frames; v3: its images version, whole length; "
        "v3-sources: for one channel; global: only metrics without filters."
    ),
]
Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="ESTIMATE=REFERENCE",
        help="Reference of an estimate, where names differ; several of one are added.",
    ),
]
RoundTo = Annotated[Rounding, typer.Option(help=ROUNDING)]
