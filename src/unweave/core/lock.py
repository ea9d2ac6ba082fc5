"""A lock between processes: a file that the kernel keeps locked for as long as its holder lives.

What a killed process leaves behind has no lock, and the next holder takes the file over.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedRandom
from pathlib import Path

from unweave.core import atomic

LOOK_EVERY_S = 0.1


@contextmanager
def locked(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock at `path`; `waiting` is called several times a second until it is had.

    A disk without locks keeps nobody out. Makes the folder. Raises OSError, and what `waiting`
    raises.
    """
    atomic.make_folder(path.parent)
    while True:
        file = open(path, "a+b")
        if _lock(file) and _still_there(file, path):
            break
        file.close()
        waiting()
        time.sleep(LOOK_EVERY_S)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file
            path.unlink()
        file.close()


def _lock(file: BufferedRandom) -> bool:
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    return atomic.lock(file.fileno()) is not False


def _still_there(file: BufferedRandom, path: Path) -> bool:
    """Whether the open file has its name still: the holder before us removed it."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
