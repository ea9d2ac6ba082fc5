"""What other packages add to unweave, by entry points of their metadata.

A package says in its `pyproject.toml`, for instance:

    [project.entry-points."unweave.separators"]
    mid-side = "my_package.mid_side:MidSide"

Names come from metadata alone; code is imported when a name is used. What unweave ships itself
wins over an entry point of the same name.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from unweave.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

SEPARATORS = "unweave.separators"  # NAME = "module:Class", a technique as those of unweave
ARCHITECTURES = "unweave.architectures"  # NAME = "package", with `model` and perhaps `options`
CARDS = "unweave.cards"  # NAME = "package.folder", a folder of cards
PRESETS = "unweave.presets"  # NAME = "package.folder", a folder of presets
COMMANDS = "unweave.commands"  # NAME = "module:function", a verb as typer takes it

ENDING = ".toml"  # of cards and presets

log = logging.getLogger(__name__)


@cache
def found(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by name.

    Where two packages give a name, the first of them in the alphabet has it.
    """
    points = sorted(_points(group), key=lambda each: (each.name, origin(each)))
    return {point.name: point for point in reversed(points)}


def _points(group: str) -> Iterable[EntryPoint]:
    """The entry points of a group. Without any, as mostly, `importlib.metadata` is not imported: it
    takes longer than all else that `unweave --help` does.
    """
    if not any(_declares(Path(folder), group) for folder in sys.path):
        return ()
    from importlib.metadata import entry_points

    return entry_points(group=group)


def _declares(folder: Path, group: str) -> bool:
    """Whether a package that is installed in a folder of `sys.path` declares entries of a group."""
    if folder.is_file():
        return True  # an archive: its metadata has to be asked
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.endswith((".dist-info", ".egg-info")):
                with suppress(OSError, ValueError):
                    facts = (folder / name / "entry_points.txt").read_text(encoding="utf-8")
                    if f"[{group}]" in facts:
                        return True
    return False


def origin(point: EntryPoint) -> str:
    """The distribution that an entry point comes from."""
    return point.dist.name if point.dist is not None else "unknown"


def loaded(point: EntryPoint) -> object:
    """What an entry point names. Raises UsageError, one line, where it cannot be had."""
    try:
        return point.load()
    except Exception as error:  # whatever somebody else's code does
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(
            f"{point.name}: the plug-in {origin(point)} cannot be loaded "
            f"({type(error).__name__}: {reason:.160}); mend it, install it anew, or remove it"
        ) from error


def place(name: str) -> str:
    """The name of an installed card or preset, the absolute path of one elsewhere."""
    return os.path.abspath(name) if name.endswith(ENDING) else name


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """What is wrong with a file that is read and parsed inside, as a UsageError."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is not a {kind}: {error}") from error


@dataclass(frozen=True, slots=True)
class Place:
    """Where a card or a preset lies, and the package that brought it."""

    path: Path
    origin: str


def files(group: str, own: EntryPoint) -> dict[str, Place]:
    """The TOML files in the folders that packages name in a group, by their names.

    `own` names unweave's. Folders are found and read, no code of a package runs.
    """
    found: dict[str, Place] = {}
    for point in (own, *sorted(_points(group), key=lambda point: point.name)):
        brought_by = point.dist.name if point.dist else own.name
        paths = sorted(path for folder in _folders(point) for path in folder.glob(f"*{ENDING}"))
        if not paths:
            kind = group.removeprefix("unweave.")
            words = "%s: its entry point %s names no folder with %s"
            log.warning(words, brought_by, point.value, kind)
        for path in paths:
            first = found.setdefault(path.stem, Place(path, brought_by))
            if first.path != path:
                log.warning("%s: left out, %s has one of that name", path, first.origin)
    return found


def _folders(point: EntryPoint) -> Iterator[Path]:
    """The folders that an entry point may mean: `package.folder`, found and not imported."""
    package, *inner = point.value.partition(":")[0].strip().split(".")
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        spec = None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(folder, *inner)
