"""Atomic writes, and errors of files in one line: name, reason, what to do."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unweave.core.atomic import atomic_path, sha256
from unweave.errors import InputError, OutputError

_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space or write elsewhere",
    errno.EDQUOT: "your disk quota is used up; free some space or write elsewhere",
    errno.EROFS: "the disk is read-only; write elsewhere",
    errno.EACCES: "permission denied; change the permissions or choose another place",
    errno.EPERM: "the system does not allow it; choose another place",
    errno.ENOENT: "no such file or folder; check the spelling",
    errno.EISDIR: "it is a folder; give the name of a file",
    errno.ENOTDIR: "a part of the path is a file, not a folder; choose another place",
    errno.EEXIST: "a part of the path is a file, not a folder; choose another place",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.EFBIG: "the file is too big for this disk; write elsewhere or choose a smaller format",
    errno.EIO: "the disk does not answer as it should; check the disk",
    errno.ELOOP: "its symbolic links lead in a circle; give the real path",
}


def shown(path: Path | str) -> str:
    """The name as one line of text: line breaks, control and undecodable characters escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(path))


def advice(error: OSError) -> str:
    """The reason of a system error and what to do, for the end of a line."""
    known = _ADVICE.get(error.errno or 0)
    return known or f"{error.strerror or error}; check the disk and the path"


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """What the system says where `path` is read inside, as an InputError."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{shown(path)}: cannot be read: {advice(error)}") from error


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """What the system says where `path` is written inside, as an OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{shown(path)}: cannot be written: {advice(error)}") from error


def content(path: Path) -> bytes:
    """All of a file.

    Raises OSError, for a pipe or a device as well, since whoever opens one waits until somebody
    writes into it, and for a file that is larger than memory.
    """
    check_file(path)
    try:
        return path.read_bytes()
    except MemoryError:
        size = f"it has {path.stat().st_size} bytes, more than memory"
        raise OSError(errno.EFBIG, size, str(path)) from None


def check_file(path: Path) -> None:
    """Raises OSError for what is no file: a folder, a pipe, a device, or nothing."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is a pipe or a device, not a file", str(path))


def hashed(path: Path) -> str:
    """SHA-256 of a file. Raises InputError."""
    with readable(path):
        return sha256(path)


def atomic_write(path: Path, content: bytes) -> None:
    """A file, whole or not at all. Raises OutputError."""
    with writable(path), atomic_path(path) as hidden:
        hidden.write_bytes(content)


def shortened(name: str, limit: int) -> str:
    """`name` in at most `limit` bytes of UTF-8: its extension stays.

    A hash stands for what is cut, so that two long names that differ at the end stay different.
    """
    if len(name.encode(errors="surrogateescape")) <= limit:
        return name
    root, extension = os.path.splitext(name)
    extension = extension if len(extension.encode(errors="surrogateescape")) <= 16 else ""
    end = f"~{hashlib.sha256(name.encode(errors='surrogateescape')).hexdigest()[:8]}{extension}"
    room = limit - len(end.encode(errors="surrogateescape"))
    return root.encode(errors="surrogateescape")[:room].decode(errors="ignore") + end
