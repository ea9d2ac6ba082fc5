"""Files that are there whole or not at all, whatever ends the program."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def appearing(target: Path, *, alone: bool = False) -> Iterator[Path]:
    """A hidden path beside `target` to write to; it becomes `target` where the block ends well.

    Makes the folder. Where the block fails, what it wrote is removed and `target` is as it was.
    alone: no other process writes `target` meanwhile, so that what a killed one has left in hiding
    is written over. Raises OSError.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    whose = "" if alone else f".{os.getpid()}"
    hidden = target.with_name(f".{target.name}{whose}.tmp")
    try:
        yield hidden
        os.replace(hidden, target)
    finally:
        with suppress(OSError):
            hidden.unlink()
