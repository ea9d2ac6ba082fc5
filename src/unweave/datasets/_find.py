"""What every dataset's loader needs: folders that must exist, and one error for all files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from unweave.core.files import readable, shown
from unweave.datasets import _audio
from unweave.datasets._audio import Header
from unweave.datasets.track import IncompleteError
from unweave.errors import InputError, UsageError

SUFFIXES = frozenset(
    ".wav .flac .ogg .opus .mp3 .m4a .mp4 .aac .aif .aiff .aifc .caf .w64 .wma .mka .wv .au".split()
)


def entries(folder: Path) -> list[Path]:
    """What a folder holds, sorted by name, without hidden files. Raises InputError."""
    with readable(folder):
        found = sorted(folder.iterdir(), key=lambda path: path.name)
    return [path for path in found if not path.name.startswith(".")]


def folders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted by name; none where it does not exist."""
    return [path for path in entries(folder) if path.is_dir()] if folder.is_dir() else []


def files(folder: Path, *endings: str) -> list[Path]:
    """The files in a folder whose names end so (any case), sorted; none where it is missing."""
    if not folder.is_dir():
        return []
    found = (path for path in entries(folder) if path.name.lower().endswith(endings))
    return [path for path in found if path.is_file()]


def is_sound(path: Path) -> bool:
    """Whether the name is that of a sound file."""
    return path.suffix.lower() in SUFFIXES


def check_split(dataset: str, split: str | None, splits: Iterable[str]) -> None:
    """Raises UsageError for a split that the dataset does not have."""
    known = list(splits)
    if split is not None and split not in known:
        has = f"it has {', '.join(known)}" if known else "it has none; leave --split out"
        raise UsageError(f"{dataset} has no split {split!r}; {has}")


def check_root(root: Path, expected: str, found: bool) -> None:
    """Raises InputError where a folder is not there, or is not the dataset (`found` is False)."""
    if not root.is_dir():
        raise InputError(f"{shown(root)}: no such folder; give the folder of the dataset")
    if not found:
        raise InputError(f"{shown(root)}: does not hold {expected}; check the folder")


class Errors:
    """Collects what is wrong while a dataset is listed, so that one error says it all."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.found: list[str] = []

    def header(self, path: Path, stream: int = 0) -> Header | None:
        """The header of a file that must be there; None, and an error, if it is not."""
        try:
            if path.is_file():
                return _audio.header(path, stream)
        except InputError as error:
            self.add(path, str(error).removeprefix(f"{shown(path)}: ").partition(";")[0])
        else:
            self.add(path, "is missing")
        return None

    def pair(self, path: Path) -> Header | None:
        """The header of a file with music in one channel and the voice in the other, likewise."""
        header = self.header(path)
        if header is not None and header.channels != 2:
            self.add(path, f"has {header.channels} channel(s), not music and voice")
            return None
        return header

    def add(self, path: Path, trouble: str) -> None:
        self.found.append(f"{self.name(path)} {trouble}")

    def name(self, path: Path) -> str:
        """The path below the root."""
        if path == self.root:
            return "the folder"
        return shown(path.relative_to(self.root) if path.is_relative_to(self.root) else path)

    def check(self) -> None:
        """Raises IncompleteError if there was any error."""
        if self.found:
            raise IncompleteError(self.root, self.found)
