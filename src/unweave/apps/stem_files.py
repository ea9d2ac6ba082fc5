"""Stem files of Native Instruments: what is in one, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unweave.types import StrPath


def check(path: StrPath) -> dict[str, Any]:
    """`problems`, one line for each thing wrong, and `stems`, the names in order (empty where the
    file does not give them), as plain data. Nothing is decoded. Raises InputError where there is
    no file to read."""
    from unweave.audio.stem_file import check as checking
    from unweave.audio.stem_file.reader import read_metadata
    from unweave.errors import InputError

    path = Path(path)
    problems = checking.check(path)
    try:
        metadata = read_metadata(path)
    except InputError:  # what is wrong with the names is among the problems
        metadata = None
    stems = [label.name for label in metadata.labels] if metadata else []
    return {"path": str(path), "problems": problems, "stems": stems}
