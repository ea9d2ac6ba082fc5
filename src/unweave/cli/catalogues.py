"""The options that several of the commands of `unweave catalogue` have."""

from pathlib import Path
from typing import Annotated

import typer

At = Annotated[
    str, typer.Argument(metavar="CATALOGUE", help="Folder, or address in an object store.")
]
Name = Annotated[str, typer.Option(metavar="NAME", help="Which run of the catalogue.")]
Actors = Annotated[
    int | None,
    typer.Option(metavar="N", help="Workers.", show_default="all that fit", min=1),
]
Cpus = Annotated[
    int | None,
    typer.Option(metavar="N", help="Processors of each.", show_default="up to four", min=1),
]
Gpus = Annotated[
    float | None,
    typer.Option(
        metavar="N", help="Cards of each, or a share of one.", show_default="one, if there are any"
    ),
]
RayAt = Annotated[
    str,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="HOST:PORT of a cluster of Ray; local: one of this machine; auto: what RAY_ADDRESS "
        "names, else local.",
    ),
]
Price = Annotated[
    float | None,
    typer.Option(metavar="NUMBER", help="What a worker costs an hour.", show_default=False),
]
Metrics = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Keep figures for Prometheus in that file.", show_default=False
    ),
]
