"""`unweave width`: how wide a recording is."""

from pathlib import Path
from typing import Annotated

import typer


def width(recording: Annotated[Path, typer.Argument(help="A stereo recording.")]) -> None:
    """Say how much of a recording lies at the sides: 0 is mono, 1 has nothing in the middle."""
    import unweave

    stems = unweave.separate(recording, model="mid-side")
    mid, side = (float((wave.astype("float64") ** 2).sum()) for wave in stems.values())
    typer.echo(f"{recording}: width {side / (mid + side) if mid + side else 0.0:.2f}")
