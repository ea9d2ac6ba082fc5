"""The recording as a file on a disk: the same one from the first byte that is read to the last."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from unweave.core.atomic import sha256
from unweave.core.files import readable, shown
from unweave.errors import InputError


@dataclass(frozen=True, slots=True)
class Source:
    """A recording and the bytes that were separated."""

    path: Path
    sha256: str
    bytes: int


class Watched:
    """Looks at a recording before it is opened, and again when all of it was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._before: tuple[int, int, int, int] | None = None
        with suppress(OSError, ValueError):  # the reader says better what is wrong with it
            self._before = _state(path)

    def hashed(self) -> Source:
        """What was read since. Raises InputError where that may have been two different files."""
        with readable(self.path):
            digest, after = sha256(self.path), _state(self.path)
        if after != self._before:
            raise InputError(
                f"{shown(self.path)}: changed while it was read, so nothing is kept; "
                "separate it again when no program writes to it"
            )
        return Source(self.path, digest, after[0])


def _state(path: Path) -> tuple[int, int, int, int]:
    """Size, time of the last change, and which file it is."""
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino
