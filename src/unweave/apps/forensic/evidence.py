"""The evidence: opened to be read only, copied, hashed, and looked at again when all is done.

Where the system allows it (Linux, for the owner of a file and for root) reading does not change the
time of the last access. Elsewhere it may, and the log says whether it did.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from unweave.core.atomic import fsync
from unweave.core.files import check_file, readable, shown
from unweave.errors import InputError

BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """What the system says of a file, in nanoseconds since 1970, in UTC."""

    bytes: int
    modified_ns: int
    accessed_ns: int
    changed_ns: int  # of its entry on the disk
    inode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One look at all bytes of a file. quietly: reading leaves the time of its last access."""

    sha256: str
    before: Times
    after: Times
    quietly: bool

    def facts(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def look(
    path: Path, into: BinaryIO | None = None, check: Callable[[], None] = lambda: None
) -> Looked:
    """Read all of a file, and write it to `into` where there is one.

    check: called after each block. Raises InputError where it cannot be read, or changes meanwhile.
    """
    digest = hashlib.sha256()
    with readable(path):
        check_file(path)
        before = times(path)
        with _opened(path) as (file, quietly):
            while block := file.read(BLOCK):
                digest.update(block)
                if into is not None:
                    into.write(block)
                check()
        after = times(path)
    if into is not None:
        into.flush()
        fsync(into.fileno())
    if (before.bytes, before.modified_ns, before.inode) != (
        after.bytes,
        after.modified_ns,
        after.inode,
    ):
        raise InputError(
            f"{shown(path)}: changed while it was read; examine it when no program writes to it"
        )
    return Looked(sha256=digest.hexdigest(), before=before, after=after, quietly=quietly)


def times(path: Path) -> Times:
    """Raises OSError."""
    found = os.stat(path)
    return Times(
        bytes=found.st_size,
        modified_ns=found.st_mtime_ns,
        accessed_ns=found.st_atime_ns,
        changed_ns=found.st_ctime_ns,
        inode=found.st_ino,
    )


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, bool]]:
    """The file, to be read only, and whether its time of access stays. Raises OSError."""
    usual = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    quiet = getattr(os, "O_NOATIME", 0)
    try:
        handle = os.open(path, usual | quiet)
    except PermissionError:  # another's file, which may be read all the same
        quiet = 0
        handle = os.open(path, usual)
    with open(handle, "rb", buffering=0) as file:
        yield file, bool(quiet)
