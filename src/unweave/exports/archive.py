"""A ZIP with the same bytes for the same content: entries in the order given, at a fixed date.

Entries are stored, not compressed: sound hardly shrinks, and what a compressor makes of it differs
from version to version.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from unweave.core.atomic import atomic_path
from unweave.core.files import readable, shown, writable
from unweave.errors import UsageError

_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a ZIP can state
_PERMISSIONS = 0o644 << 16
_UNIX = 3
_BLOCK_BYTES = 1 << 20


def write_zip(path: Path, entries: Mapping[str, bytes | Path]) -> None:
    """Write a ZIP, whole or not at all, of bytes and of files.

    entries: relative name with `/` -> content. Raises UsageError for a name that leads out of the
    ZIP or that two entries share in some letter case, InputError for a file that cannot be read,
    OutputError.
    """
    _check_names(path, entries)
    with writable(path), atomic_path(path) as hidden, ZipFile(hidden, "w", ZIP_STORED) as made:
        for name, content in entries.items():
            info = ZipInfo(name, _DATE)
            info.create_system, info.external_attr = _UNIX, _PERMISSIONS
            if isinstance(content, bytes):
                made.writestr(info, content)
            else:
                _store(made, info, content)


def _store(made: ZipFile, info: ZipInfo, file: Path) -> None:
    with readable(file):
        source = open(file, "rb")
    with source:
        with readable(file):
            info.file_size = os.fstat(source.fileno()).st_size
        with made.open(info, "w") as entry:
            while True:
                with readable(file):
                    block = source.read(_BLOCK_BYTES)
                if not block:
                    return
                entry.write(block)


def _check_names(path: Path, names: Mapping[str, object]) -> None:
    seen: set[str] = set()
    for name in names:
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or "\\" in name or ":" in name:
            raise UsageError(f"{shown(path)}: {shown(name)!r} is no name of a file in a ZIP")
        if name.casefold() in seen:
            raise UsageError(f"{shown(path)}: two files in it are called {shown(name)!r}")
        seen.add(name.casefold())
