"""Any folder of stems: one folder for each track, one file for each stem, any format.

    ROOT/TRACK/STEM.wav          or, with splits,          ROOT/SPLIT/TRACK/STEM.wav

A file called `mixture` or `mix` is the mix; without one the mix is the sum of the stems. A file
called `accompaniment` beside other stems than vocals is the accompaniment and no part of the sum.
All files of a track must have one rate, one channel count and one length: nothing is cut or padded.
"""

from __future__ import annotations

from pathlib import Path

from unweave.core.files import shown
from unweave.datasets import _find
from unweave.datasets._stems import MIXES, track_of
from unweave.datasets.track import BSS_EVAL_V4, About, Track
from unweave.errors import InputError

ABOUT = About(
    stems=(),
    splits=(),
    layout="TRACK/STEM.wav or SPLIT/TRACK/STEM.wav, any format; mixture.wav or mix.wav if you like",
    protocol=BSS_EVAL_V4,
    licence="yours",
    obtain="your own recordings",
)
ALL = "all"  # the split of tracks that lie in none
_USUAL = {*MIXES, "vocals", "drums", "bass", "other", "accompaniment", "voice", "music", "guitar",
          "piano", "speech", "effects"}  # fmt: skip


def looks_like(root: Path) -> bool:
    """Whether a folder may be such a dataset: there are tracks, and one has files called as stems
    are. Without that a folder of songs would look the same."""
    folders = (folder for found in _track_folders(root).values() for folder in found)
    return any(
        len(_USUAL & {path.stem.lower() for path in _find.files(folder, *_find.SUFFIXES)}) > 1
        for folder in folders
    )


def tracks(root: Path, split: str | None = None) -> list[Track]:
    """The tracks by split and name; a folder of stems itself is the one track of its dataset.

    Raises InputError for a folder without stems or with unequal files, UsageError for an unknown
    split.
    """
    found = _track_folders(root) if root.is_dir() else {}
    _find.check_root(root, f"tracks of stems: {ABOUT.layout}", any(found.values()))
    _find.check_split(f"the folder {shown(root)}", split, [name for name in found if name != ALL])
    errors = _find.Errors(root)
    listed = []
    for label, folders in found.items():
        for folder in folders if split in (None, label) else ():
            track = track_of(folder.name, label, _sounds(folder), errors)
            if track is not None:
                listed.append(track)
    errors.check()
    return listed


def _track_folders(root: Path) -> dict[str, list[Path]]:
    """The folders that hold tracks, by split."""
    if not root.is_dir():
        return {}
    if _has_sounds(root):
        return {ALL: [root]}
    found: dict[str, list[Path]] = {ALL: []}
    for folder in _find.folders(root):
        if _has_sounds(folder):
            found[ALL].append(folder)
        elif inner := [below for below in _find.folders(folder) if _has_sounds(below)]:
            found[folder.name] = inner
    return found if found[ALL] else {name: folders for name, folders in found.items() if folders}


def _has_sounds(folder: Path) -> bool:
    return any(_find.is_sound(path) for path in _find.files(folder, ""))


def _sounds(folder: Path) -> dict[str, Path]:
    """The sound files by stem, the mix first. Raises InputError where two have one name."""
    found: dict[str, Path] = {}
    for path in _find.files(folder, *_find.SUFFIXES):
        name = path.stem.lower()
        if name in found or (name in MIXES and found.keys() & set(MIXES)):
            other = found.get(name) or next(found[mix] for mix in MIXES if mix in found)
            raise InputError(
                f"{shown(path)}: is the same stem as {shown(other.name)}; keep one of them"
            )
        found[name] = path
    mixes = {name: path for name, path in found.items() if name in MIXES}
    return mixes | {name: path for name, path in found.items() if name not in MIXES}
