"""The tracks that a recipe names, checked; and pieces of their stems, decoded once where they fit.

Whatever is wrong with a data set is said before the first step: one line, with the track's name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unweave import datasets
from unweave.core.files import advice, shown
from unweave.datasets.track import Track
from unweave.errors import InputError, UsageError
from unweave.training import effects
from unweave.training.draws import Piece
from unweave.training.recipe import Data
from unweave.types import Wave

REPORT = "report.json"  # that unweave writes beside stems


@dataclass(frozen=True, slots=True)
class Split:
    """The training tracks, and the validation tracks, which select the weights."""

    train: tuple[Track, ...]
    validation: tuple[Track, ...]


def split(data: Data) -> Split:
    """The tracks of a recipe. Raises UsageError or InputError where they cannot be trained on."""
    root = Path(data.root) if data.root else None
    if root is not None and not root.is_dir():
        raise InputError(f"{shown(root)}: no such folder; set data.root to the folder of the data")
    if root is not None and not any(root.iterdir()):
        raise InputError(f"{shown(root)}: is empty; put tracks in it, a folder of stems for each")
    if root is not None:
        _check_own_work(root)
    found = datasets.load(data.dataset, root, data.split or None)
    for start in data.validation_tracks:
        if not any(track.name.startswith(start) for track in found):
            names = [shown(track.name) for track in found]
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            raise UsageError(
                f"data.validation_tracks: no track's name begins with {start!r}; the tracks are "
                f"{', '.join(names[:5])}{more}"
            )
    validation = tuple(
        t for t in found if data.validation_tracks and t.name.startswith(data.validation_tracks)
    )
    train = tuple(t for t in found if t not in validation)
    if data.validation_split:
        others = datasets.load(data.dataset, root, data.validation_split)
        validation += tuple(t for t in others if t not in validation)
    if not train:
        raise InputError(
            f"{shown(data.root or data.dataset)}: all tracks are validation tracks; leave some "
            "to train on"
        )
    if not validation:
        raise UsageError(
            "no validation tracks: name some in data.validation_tracks, or a data.validation_split"
        )
    for track in (*train, *validation):
        _check(track, data)
    _check_apart(train, validation)
    return Split(train, validation)


def _check_own_work(root: Path) -> None:
    """Raises InputError for a folder of stems that unweave separated: a network would learn what
    another one guessed."""
    for report in (path for depth in ("", "*/", "*/*/") for path in root.glob(f"{depth}{REPORT}")):
        if _is_report(report):
            raise InputError(
                f"{shown(root)}: holds stems that unweave has separated "
                f"({shown(report.relative_to(root))}); train on recordings of each stem, and set "
                "data.root to their folder"
            )


def _is_report(path: Path) -> bool:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and {"schema_version", "stems"} <= content.keys()


def _check_apart(train: Sequence[Track], validation: Sequence[Track]) -> None:
    """Raises UsageError for a track that is both a training and a validation track: the same
    track, one of its files, or files with the same content."""
    files = {file.resolve(): track for track in train for file in track.files}
    alike: dict[tuple[int, ...], list[Track]] = {}
    for track in train:
        alike.setdefault(_extent(track), []).append(track)
    for track in validation:
        twin = next((files[f.resolve()] for f in track.files if f.resolve() in files), None)
        near = alike.get(_extent(track), [])
        if twin is None:
            twin = next((other for other in near if other == track), None)
        if twin is None and track.files and near:  # only bytes can tell, and few must be read
            mine = track.checksum()
            twin = next((other for other in near if other.checksum() == mine), None)
        if twin is not None:
            where = f" as {shown(twin.name)}" * (twin.name != track.name)
            raise UsageError(
                f"{shown(track.name)}: is a validation track and a training track{where}; set "
                "data.split and data.validation_split to splits without common tracks, or take "
                "one copy out"
            )


def _extent(track: Track) -> tuple[int, ...]:
    """What tracks with the same content have in common, known without reading them."""
    try:
        return (track.samples, *(file.stat().st_size for file in track.files))
    except OSError as error:
        raise InputError(f"{shown(track.name)}: {advice(error)}") from error


def _check(track: Track, data: Data) -> None:
    for stem in data.stems:
        if stem not in track.stem_names:
            raise InputError(
                f"{shown(track.name)}: has no stem {stem!r}; it has {', '.join(track.stem_names)} "
                "(data.stems says which are wanted)"
            )
    if track.sample_rate_hz != data.sample_rate_hz:
        raise InputError(
            f"{shown(track.name)}: has {track.sample_rate_hz} Hz, the recipe says "
            f"{data.sample_rate_hz}; all tracks must have the rate data.sample_rate_hz"
        )
    if track.channels not in (1, data.channels):
        raise InputError(
            f"{shown(track.name)}: has {track.channels} channels, the recipe says {data.channels}; "
            "set data.channels"
        )
    if not track.samples:
        raise InputError(f"{shown(track.name)}: holds no sound; take it out")


def chances(tracks: Sequence[Track], balanced_groups: Sequence[str] = ()) -> list[float]:
    """How often each track is drawn, relative to the others: in proportion to its length, but each
    group of `balanced_groups` equally often, whatever its total length. A group is the tracks whose
    names begin so. Raises UsageError for a group without tracks."""
    found = [track.duration_s for track in tracks]
    groups = [
        [n for n, t in enumerate(tracks) if t.name.startswith(start)] for start in balanced_groups
    ]
    totals = [sum(found[n] for n in group) for group in groups]
    for start, group, total in zip(balanced_groups, groups, totals, strict=True):
        if not group:
            raise UsageError(
                f"data.balanced_groups: no training track's name begins with {start!r}"
            )
        for n in group:
            found[n] *= sum(totals) / len(totals) / total
    return found


class AudioStore:
    """Stems of tracks, piece by piece. What was decoded whole stays while there is room for it.

    stores: how many processes have one of these, each with its part of `data.memory_mb`.
    """

    def __init__(self, tracks: Sequence[Track], data: Data, stores: int = 1) -> None:
        self.tracks, self.data = tracks, data
        total = sum(t.samples * t.channels for t in tracks) * len(data.stems) * 4
        # All or nothing: a store that is too small for one round forgets what comes next.
        self.keep = total * stores <= data.memory_mb * 1_000_000
        self.kept: dict[tuple[int, str], Wave] = {}

    def piece(self, piece: Piece, stem: str, length: int) -> Wave:
        """One stem of one example, `(channel, length)`, as drawn."""
        track = self.tracks[piece.track]
        wanted = effects.needed(piece.effects, length)
        if piece.circular:
            wave = self._circle(piece, stem, int(piece.start * track.samples), wanted)
        else:
            start = int(piece.start * (max(0, track.samples - wanted) + 1))
            wave = self._read(piece.track, stem, start, min(wanted, track.samples - start))
        if wave.shape[0] < self.data.channels:
            wave = np.repeat(wave, self.data.channels, axis=0)
        return effects.apply(wave, piece.effects, length, self.data.sample_rate_hz)

    def _circle(self, piece: Piece, stem: str, start: int, wanted: int) -> Wave:
        parts, samples = [], self.tracks[piece.track].samples
        while wanted > 0:
            length = min(wanted, samples - start)
            parts.append(self._read(piece.track, stem, start, length))
            start, wanted = 0, wanted - length
        return np.concatenate(parts, axis=1)

    def _read(self, track: int, stem: str, start: int, length: int) -> Wave:
        if not self.keep:
            return self.tracks[track].stem(stem, start, length)
        if (track, stem) not in self.kept:
            self.kept[track, stem] = self.tracks[track].stem(stem)
        return self.kept[track, stem][:, start : start + length]
