"""Files that are there whole or not at all, whatever ends the program."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A hidden path beside `target` to write to; it becomes `target` where the block ends well.

    Makes the folder. Where the block fails, what it wrote is removed and `target` is as it was.
    Raises OSError.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    hidden = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield hidden
        os.replace(hidden, target)
    finally:
        with suppress(OSError):
            hidden.unlink()
