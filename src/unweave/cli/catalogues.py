"""The options that several of the commands of `unweave catalogue` have."""

from pathlib import Path
from typing import Annotated

import typer

WORKERS = "Workers"  # the title of their panel

At = Annotated[
    str, typer.Argument(metavar="CATALOGUE", help="Folder, or address in an object store.")
]
Name = Annotated[str, typer.Option(metavar="NAME", help="Which run of the catalogue.")]
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
