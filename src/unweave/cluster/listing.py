"""What a source holds: a folder, a prefix of an object store, one file, or a list of addresses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unweave.cluster import places
from unweave.core.files import advice, shown
from unweave.errors import InputError
from unweave.jobs.inputs import AUDIO_EXTENSIONS

LIST = ".txt"
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """A file. name: its path below the source. version: a mark that changes with its content."""

    address: str
    name: str
    bytes: int | None = None
    version: str = ""


def listed(source: str) -> Iterator[Found]:
    """The recordings of a source, one after the other. Raises InputError, UsageError.

    A source that ends in `.txt` is a list: an address in each line. In folders only names with an
    ending of sound or video count.
    """
    source = places.absolute(source)
    if source.lower().endswith(LIST):
        yield from _of_list(source)
    elif places.is_local(source):
        path = places.local(source)
        if path.is_dir():
            yield from _of_folder(path, path)
        else:
            yield _looked_at(str(path))
    elif places.scheme(source) in ("http", "https"):
        yield _looked_at(source)
    else:
        yield from _of_store(source)


def _of_list(source: str) -> Iterator[Found]:
    """Lines, without those that are empty or begin with #."""
    folder = os.path.dirname(source) if places.is_local(source) else ""
    with places.told(source, InputError):
        fs, path = places.filesystem(source)
        file = fs.open(path, "rt", encoding="utf-8", block_size=BLOCK_BYTES)
    with file:
        for line in file:
            line = line.strip()
            if line and not line.startswith("#"):
                if places.is_local(line) and not os.path.isabs(places.local(line)):
                    line = os.path.join(folder, line)
                yield _looked_at(places.absolute(line))


def _looked_at(address: str) -> Found:
    """One file by its address; what is not there comes out as an error of its row."""
    name = address.rpartition("/")[2]
    if places.is_local(address):
        try:
            status = os.stat(places.local(address))
        except OSError:
            return Found(address, name)
        return Found(address, name, status.st_size, str(status.st_mtime_ns))
    return Found(address, name)


def _of_folder(root: Path, folder: Path) -> Iterator[Found]:
    """Depth first, in the order of names; links to folders are not followed."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"{shown(folder)}: cannot be searched: {advice(error)}") from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _of_folder(root, Path(entry.path))
        elif _is_sound(entry.name) and entry.is_file():
            status = entry.stat()
            name = Path(entry.path).relative_to(root).as_posix()
            yield Found(entry.path, name, status.st_size, str(status.st_mtime_ns))


def _of_store(source: str) -> Iterator[Found]:
    """Folder by folder; one folder's names are in memory at a time."""
    with places.told(source, InputError):
        fs, root = places.filesystem(source)
        prefix = f"{places.scheme(source)}://"
        if fs.isfile(root):
            yield _entry(prefix, root, root.rpartition("/")[2], fs.info(root))
            return
        nothing = True
        for folder, _, files in fs.walk(root, detail=True):
            for name in sorted(files):
                nothing = False
                if _is_sound(name) and name[:1] != ".":
                    path = f"{folder.rstrip('/')}/{name}"
                    yield _entry(prefix, path, path[len(root) :].strip("/"), files[name])
    if nothing:
        raise InputError(f"{shown(source)}: holds no file; check the address")


def _entry(prefix: str, path: str, name: str, facts: dict[str, Any]) -> Found:
    marks = ("ETag", "etag", "md5Hash", "content_settings", "LastModified", "mtime")
    mark = next((facts[key] for key in marks if facts.get(key)), "")
    size = facts.get("size")
    return Found(f"{prefix}{path.lstrip('/')}", name, size, str(mark).strip('"'))


def _is_sound(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in AUDIO_EXTENSIONS
