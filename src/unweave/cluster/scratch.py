"""A folder of its own for each worker, for what is fetched and what is not uploaded yet.

The kernel holds a lock on a file in it for as long as the worker lives. What a killed worker left
has no lock, and the next worker on that machine removes it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from unweave.core import atomic

LOCK = "lock"
STARTS_S = 60.0  # a folder this young may be about to get its lock


def folder() -> Path:
    """A new folder, locked until this process ends."""
    root = Path(tempfile.gettempdir()) / "unweave-catalogue"
    root.mkdir(exist_ok=True)
    _sweep(root)
    own = root / secrets.token_hex(8)
    own.mkdir(mode=0o700)
    handle = os.open(own / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    atomic.lock(handle)  # and never closed
    atomic.scratch.add(own)
    return own


@contextmanager
def inside(own: Path) -> Iterator[Path]:
    """A folder for one row, which goes with the block."""
    here = own / secrets.token_hex(8)
    here.mkdir()
    try:
        yield here
    finally:
        shutil.rmtree(here, ignore_errors=True)


def _sweep(root: Path) -> None:
    for other in root.iterdir():
        with suppress(OSError):
            if not _is_in_use(other):
                shutil.rmtree(other, ignore_errors=True)


def _is_in_use(other: Path) -> bool:
    try:
        return not atomic.is_abandoned(other / LOCK)
    except FileNotFoundError:
        import time

        return time.time() - other.stat().st_mtime < STARTS_S
