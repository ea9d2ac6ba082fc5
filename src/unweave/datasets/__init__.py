"""Sets of recordings with their stems: one file = one dataset, its name the file's.

A file holds its facts as `ABOUT`, `tracks(root, split)`, and `looks_like(root)` if its folder can
be recognised. Listing reads headers only; a track is decoded when it is read.
"""

from __future__ import annotations

import difflib
import os
import pkgutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.errors import InputError, UsageError

if TYPE_CHECKING:
    from unweave.datasets.track import About, Track

_NO_DATASET = {"track"}  # what a dataset is made of
_LAST = "folder"  # what any dataset of folders looks like too


@dataclass(frozen=True, slots=True)
class Description:
    """The facts about a dataset."""

    name: str
    title: str
    about: About


def names() -> list[str]:
    """All names, sorted."""
    return sorted(
        module.name.replace("_", "-")
        for module in pkgutil.iter_modules(__path__)
        if not module.name.startswith("_") and module.name not in _NO_DATASET
    )


def describe(name: str) -> Description:
    """The facts about a dataset. Raises UsageError for an unknown name."""
    module = _module(name)
    title = (module.__doc__ or "").partition("\n")[0].strip().rstrip(".")
    return Description(name, title, module.ABOUT)


def load(
    name: str, root: str | os.PathLike[str] | None = None, split: str | None = None
) -> list[Track]:
    """The tracks of a dataset, or of one split of it; nothing is decoded yet.

    Raises UsageError for an unknown name or split or a missing root, InputError where the folder
    is not the dataset or lacks files (one error names the first of them and says how many).
    """
    module = _module(name)
    if module.ABOUT.needs_root and root is None:
        raise UsageError(f"the dataset {name} needs its folder; give it with --root FOLDER")
    found: list[Track] = module.tracks(None if root is None else Path(root), split)
    return found


def songs(name: str, split: str) -> str:
    """`musdb18:train`: whose songs a split holds, the same for all editions and parts of it.

    A name of something else than a dataset of ours stands as it is.
    """
    about = describe(name).about if name in names() else None
    split = split.partition(":")[0]  # `train:amy` is a part of `train`
    if about is None:
        return f"{name}:{split}"
    return f"{about.songs_of or name}:{about.within.get(split, split)}"


def lacking(name: str, tracks: Sequence[Track]) -> dict[tuple[str, str], tuple[str, ...]]:
    """`[split, track]`: the stems that a track has not, and half of the tracks or more have.

    Nothing where tracks of the dataset may differ in that.
    """
    if describe(name).about.any_stems:
        return {}
    counts = Counter(stem for track in tracks for stem in track.stems)
    usual = [stem for stem, count in counts.items() if 2 * count >= len(tracks)]
    found = {
        (track.split, track.name): tuple(stem for stem in usual if stem not in track.stems)
        for track in tracks
    }
    return {key: stems for key, stems in found.items() if stems}


def shortfalls(name: str, tracks: Sequence[Track]) -> list[str]:
    """What is missing for a complete copy: tracks of a split, stems of a track; a line each.

    `load` does not ask for it: a part of a dataset can be worth a run, if its report says so.
    """
    from unweave.core.files import shown

    counts = describe(name).about.counts
    found = []
    for split in sorted({track.split for track in tracks}):
        has, may = sum(track.split == split for track in tracks), counts.get(split)
        if may is not None and has not in may:
            complete = " or ".join(map(str, may))
            found.append(f"{split} has {has} tracks, a complete copy has {complete}")
    for (_, track), stems in lacking(name, tracks).items():
        found.append(f"{shown(track)} has no {', '.join(stems)}, as other tracks have")
    return found


def guess(root: str | os.PathLike[str]) -> str:
    """The name of the dataset that is in a folder.

    Raises InputError where it is none, UsageError where it may be several.
    """
    from unweave.core.files import shown

    folder = Path(root)
    modules = {name: _module(name) for name in names()}
    asked = {name: module for name, module in modules.items() if hasattr(module, "looks_like")}
    fits = [name for name, module in asked.items() if module.looks_like(folder)]
    fits = [name for name in fits if name != _LAST] or fits
    if not fits:
        if not folder.is_dir():
            raise InputError(f"{shown(folder)}: no such folder; give the folder of the dataset")
        raise InputError(
            f"{shown(folder)}: has the layout of no known dataset; see unweave dataset "
            "list for the layouts"
        )
    if len(fits) > 1:
        raise UsageError(f"{shown(folder)}: may be {' or '.join(fits)}; choose one with --dataset")
    return fits[0]


def _module(name: str) -> Any:
    """The file of a dataset."""
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=3, cutoff=0.4) or names()
        raise UsageError(f"unknown dataset {name!r}; perhaps you mean {', '.join(near)}")
    return import_module(f"{__name__}.{name.replace('-', '_')}")
