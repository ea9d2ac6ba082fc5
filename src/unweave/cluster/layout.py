"""Where the files of a row lie: what it becomes in a folder of its own, and what is there already
by a pattern, such as `{folder}/{stem}.wav`, whose fields the row fills in.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from unweave.cluster import places
from unweave.cluster.manifest import Row
from unweave.core.file_names import safe
from unweave.core.files import shortened, shown
from unweave.errors import InputError, UsageError
from unweave.evaluation import stem_files
from unweave.jobs import naming

LONGEST_PART_BYTES = 200
LONGEST_NAME_BYTES = 700
FIELDS = ("folder", "parent", "path", "name", "input_ext", "row", "stem")
FOLDER, STEM = "{folder}", "{stem}"


@dataclass(frozen=True, slots=True)
class Brought:
    """A folder of stems, or one file, on this machine.

    addresses: of the files that were brought here, by their paths here.
    """

    place: Path
    addresses: Mapping[str, str]


def folder_of(output: str, row: Row) -> str:
    """The folder of a row's stems: its name below its source, and a mark of its whole address.

    So two recordings of one name, from two sources, have two folders.
    """
    return places.joined(output, _own(row))


def pattern(text: str, option: str) -> str:
    """A pattern as it is kept, which means the same in any working folder.

    option: that it was given with. Raises UsageError for one that cannot be filled in.
    """
    fields = naming.fields(text, FIELDS, option)
    if fields.count("stem") > 1 or "/" in text.partition(STEM)[2]:
        raise UsageError(f"{option} {text!r} has {STEM} elsewhere than once in the name of a file")
    if FOLDER in text.removeprefix(FOLDER):
        raise UsageError(f"{option} {text!r} has {FOLDER}, an address, elsewhere than at its start")
    return text if text.startswith(FOLDER) else places.absolute(text)


def brought(pattern: str, row: Row, here: Path) -> Brought:
    """What a pattern means for a row. In `here` are copies of what lies in a store, and links to
    the files that a pattern names one by one.

    A local folder or file comes as it is, whether it is there or not. Raises InputError where
    a store has no sound there, or no file has such a name; StoreError.
    """
    head, by_stem, tail = pattern.partition(STEM)
    values = _values(row)
    head, tail = head.format_map(values), tail.format_map(values)
    if by_stem:
        folder, _, start = head.rpartition("/")
        address = _straight(folder)
        files = _named(address, start, tail, row)
    else:
        address = _straight(head)
        if places.is_local(address):
            return Brought(places.local(address), {})
        if places.is_file(address):
            name = safe(_last(address))
            return Brought(here / name, _copied({name: address}, here))
        names = filter(stem_files.is_stem, places.names(address))
        files = {name: places.joined(address, name) for name in names}
    if not files:
        sought = shown(head + by_stem + tail)
        raise InputError(f"{shown(row.address)}: there is no sound at {sought}; check the pattern")
    place = here / safe(_last(address))  # by which the scores are named
    return Brought(place, _copied(files, place))


def _copied(files: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The addresses by the paths here, when the files are in a folder by their names."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, address in files.items():
        path = folder / safe(name)
        path.unlink(missing_ok=True)  # of a try that met a store which was away
        if places.is_local(address):
            path.symlink_to(places.local(address))
        else:
            places.fetch(address, path)
        found[str(path)] = address
    return found


def _named(folder: str, start: str, end: str, row: Row) -> dict[str, str]:
    """The addresses of the stems in a folder whose names begin and end so, by names without that.

    The recording itself is none of them.
    """
    ending = os.path.splitext(f"{STEM}{end}")[1]
    found = {}
    for name in places.names(folder):
        address = places.joined(folder, name)
        stem = name[len(start) : len(name) - len(end)]
        if stem and name == f"{start}{stem}{end}" and address != row.address:
            found[f"{stem}{ending}"] = address
    return {name: address for name, address in found.items() if stem_files.is_stem(name)}


def _own(row: Row) -> str:
    mark = hashlib.sha256(row.address.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    parts = [safe(part) for part in PurePosixPath(row.name).parts if part not in ("/", ".", "..")]
    parts = [shortened(part, LONGEST_PART_BYTES) for part in parts] or ["recording"]
    while len(parts) > 1 and len("/".join(parts).encode()) > LONGEST_NAME_BYTES:
        parts.pop(0)
    parts[-1] += f"-{mark}"
    return "/".join(parts)


def _values(row: Row) -> dict[str, str]:
    """The fields of a pattern but for the stem."""
    folder, _, file = row.address.rpartition("/")
    return {
        "folder": folder,
        "parent": _last(folder),
        "path": os.path.splitext(row.name)[0],
        "name": os.path.splitext(file)[0],
        "input_ext": os.path.splitext(file)[1][1:],
        "row": _own(row),
    }


def _last(address: str) -> str:
    return address.rpartition("/")[2]


def _straight(address: str) -> str:
    """An address without `..` in it."""
    if places.is_local(address):
        return os.path.normpath(places.local(address))
    scheme, mark, path = address.partition("://")
    return f"{scheme}{mark}{posixpath.normpath(path)}"
