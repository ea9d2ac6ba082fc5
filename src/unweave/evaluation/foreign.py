"""What others made: separators named by where Python finds them, and folders of estimates.

`package.module:Class` is the import path of a class or function that gives a separator. A folder
of estimates holds `TRACK/STEM.ext`, or `SPLIT/TRACK/STEM.ext`, in any format that unweave reads.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from unweave.core.files import hashed, shown
from unweave.datasets.track import Track
from unweave.errors import InputError, UsageError
from unweave.evaluation import pairing, scores, stem_files
from unweave.types import Separator, Spec, Wave


def is_import_path(model: str, words: str) -> bool:
    """Whether `model:words` says where Python finds a separator, not options of `model`."""
    return all(part.isidentifier() for part in (*model.split("."), words.partition(":")[0]))


def separator(path: str, options: Mapping[str, object]) -> Separator:
    """The separator that the class or function at `module:name` gives. Raises UsageError.

    Modules in the working folder are found too.
    """
    module, _, name = path.partition(":")
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        found = getattr(import_module(module), name)(**options)
    except Exception as error:
        kind = type(error).__name__
        raise UsageError(f"{path}: gives no separator ({kind}: {error})") from error
    finally:
        sys.path.remove(here)
    return checked(found, path)


def checked(found: object, name: str) -> Separator:
    """`found`, if it keeps to the protocol `Separator`. Raises UsageError."""
    spec = getattr(found, "spec", None)
    if not isinstance(spec, Spec) or not callable(found) or not hasattr(found, "to"):
        raise UsageError(
            f"{name}: is no separator; it needs `spec` (unweave.types.Spec), `to(device)` and "
            "a call on a batch of segments"
        )
    return found  # type: ignore[return-value]


def estimates(folder: Path, track: Track) -> Mapping[str, Path]:
    """The files of a track's estimates by stem, empty where there are none. Raises InputError."""
    for name in dict.fromkeys((track.name, scores.safe(track.name))):
        for place in (folder / track.split / name, folder / name):
            if place.is_dir():
                return stem_files.find(place)
    return {}


def check_folder(name: str, folder: Path) -> None:
    """Raises UsageError for a label or a folder that cannot be."""
    if not name.strip():
        raise UsageError(f"--estimates takes NAME=FOLDER; got ={folder}")
    if not folder.is_dir():
        raise InputError(f"{shown(folder)}: no such folder; give the one that holds TRACK/STEM.wav")


def check(folder: Path, tracks: Iterable[Track]) -> None:
    """Raises InputError where a file has another rate or other channels than its track."""
    from unweave.audio.reader import probe

    for track in tracks:
        for path in estimates(folder, track).values():
            info = probe(path)
            for unit, is_, must in (
                ("Hz", info.sample_rate_hz, track.sample_rate_hz),
                ("channel(s)", info.channels, track.channels),
            ):
                if is_ != must:
                    raise InputError(
                        f"{shown(path)}: has {is_} {unit}, the track {track.name} has {must}; "
                        "convert one of them"
                    )


def read(files: Mapping[str, Path], samples: int, warnings: list[str]) -> dict[str, Wave]:
    """The waves of a track's estimates, each of `samples`, cut or padded with a warning."""
    return {
        stem: stem_files.fitted(stem_files.read(path), samples, f"the estimate of {stem}", warnings)
        for stem, path in files.items()
    }


def hashes(files: Mapping[str, Path]) -> dict[str, str]:
    return {stem: hashed(path) for stem, path in files.items()}


def incomplete(
    folder: Path, tracks: Sequence[Track], mapping: Mapping[str, str]
) -> dict[str, list[str]]:
    """`[stem]`: the tracks that it lacks an estimate in, though another track has one."""
    missing = {}
    for track in tracks:
        files = tuple(estimates(folder, track))
        own = {stem: to for stem, to in mapping.items() if stem in files}
        missing[track.name] = pairing.pair(track.stem_names, files, own).missing
    anywhere = set.intersection(*map(set, missing.values())) if missing else set()
    found: dict[str, list[str]] = {}
    for name, stems in missing.items():
        for stem in stems:
            if stem not in anywhere:
                found.setdefault(stem, []).append(name)
    return found
