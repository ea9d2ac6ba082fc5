"""Is a dataset whole? Every file there, alike where they must be, and the bytes that they were.

`check` looks at headers only, so that it is quick; with `decode` it decodes everything, and with an
index of checksums it reads every byte.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.core.files import atomic_write, hashed, readable, shown
from unweave.errors import Cancelled, InputError
from unweave.types import OnProgress, Progress, ShouldStop

if TYPE_CHECKING:
    from unweave.datasets.track import About, Track

Index = Mapping[str, str]
"""SHA-256 of each file by its path below the dataset's folder, with forward slashes."""


@dataclass(frozen=True, slots=True)
class TrackCheck:
    """What was found of one track. `sum_db` is how far what the stems leave of the mix lies below
    it: None where it was not measured, infinite where nothing is left."""

    name: str
    split: str
    samples: int
    duration_s: float
    sample_rate_hz: int
    channels: int
    stems: tuple[str, ...]
    sum_db: float | None
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of a dataset. `errors` are those of no single track."""

    dataset: str
    root: str
    tracks: tuple[TrackCheck, ...]
    errors: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        return not self.errors and not any(track.errors for track in self.tracks)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON, which knows no infinity: there it is null."""
        document = asdict(self) | {"is_whole": self.is_whole}
        for track in document["tracks"]:
            if track["sum_db"] is None:
                del track["sum_db"]
            elif track["sum_db"] == float("inf"):
                track["sum_db"] = None
        return document


def names() -> list[str]:
    """The names of all datasets."""
    from unweave import datasets

    return datasets.names()


def facts() -> list[dict[str, Any]]:
    """The facts about every dataset as plain data."""
    from unweave import datasets

    listed = []
    for name in datasets.names():
        found = datasets.describe(name)
        listed.append({"name": name, "title": found.title, **asdict(found.about)})
    return listed


def check(
    root: Path | None,
    *,
    dataset: str | None = None,
    split: str | None = None,
    decode: bool = False,
    index: Index | None = None,
    on_progress: OnProgress = lambda _: None,
    should_stop: ShouldStop = lambda: False,
) -> Checked:
    """Check every track of a dataset; without its name, it is found from the folder.

    Raises InputError where the folder is no dataset or cannot even be listed, UsageError for an
    unknown name or split, Cancelled.
    """
    from unweave import datasets
    from unweave.datasets.track import IncompleteError

    name = dataset or datasets.guess(root or Path())
    about = datasets.describe(name).about
    try:
        tracks = datasets.load(name, root, split)
    except IncompleteError as error:
        return Checked(name, str(root), (), error.errors)
    in_turn = _in_turn(name, tracks, on_progress, should_stop)
    found = [_check_track(track, about, root, decode, index) for track in in_turn]
    errors = [*datasets.shortfalls(name, tracks), *_repeated(tracks)]
    if index is not None and split is None:
        known = {_key(file, root) for track in tracks for file in track.files}
        errors += [f"{shown(key)} is in the index and not here" for key in index.keys() - known]
    return Checked(name, str(root), tuple(found), tuple(sorted(errors)))


def make_index(
    root: Path | None,
    *,
    dataset: str | None = None,
    split: str | None = None,
    on_progress: OnProgress = lambda _: None,
    should_stop: ShouldStop = lambda: False,
) -> dict[str, str]:
    """The checksums of all files of a dataset. Raises as `check` does, and for missing files."""
    from unweave import datasets

    name = dataset or datasets.guess(root or Path())
    tracks = datasets.load(name, root, split)
    in_turn = _in_turn(name, tracks, on_progress, should_stop)
    return {_key(file, root): hashed(file) for track in in_turn for file in track.files}


def _in_turn(
    name: str, tracks: Sequence[Track], on_progress: OnProgress, should_stop: ShouldStop
) -> Iterator[Track]:
    """The tracks, and how many seconds of them are done. Raises Cancelled."""
    total_s, done_s = sum(track.duration_s for track in tracks), 0.0
    on_progress(Progress(done_s, total_s))
    for track in tracks:
        if should_stop():
            raise Cancelled(f"{name}: interrupted")
        yield track
        done_s += track.duration_s
        on_progress(Progress(done_s, total_s))


def write_index(index: Index, file: Path) -> None:
    """Write an index as JSON; it appears whole or not at all. Raises OutputError."""
    text = json.dumps({"sha256": dict(sorted(index.items()))}, indent=1) + "\n"
    atomic_write(file, text.encode())


def read_index(file: Path) -> dict[str, str]:
    """The index in a file. Raises InputError."""
    try:
        with readable(file):
            document = json.loads(file.read_text())
    except (ValueError, RecursionError):
        document = None
    found = document.get("sha256") if isinstance(document, dict) else None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise InputError(
            f"{shown(file)}: is not an index of checksums; write one with --write-index"
        )
    return found


def _check_track(
    track: Track, about: About, root: Path | None, decode: bool, index: Index | None
) -> TrackCheck:
    errors: list[str] = []
    sum_db = None
    checks: list[Callable[[], Iterator[str]]] = [lambda: _headers(track)]
    if index is not None:
        checks.append(lambda: _bytes(track, root, index))
    if decode:
        checks.append(lambda: _lengths(track))
    for run in checks:
        try:
            errors += run()
        except InputError as error:
            errors.append(str(error))
    if decode and not errors:
        try:
            sum_db = _sum_db(track)
        except InputError as error:
            errors.append(str(error))
        if sum_db is not None and sum_db < (about.sum_db_at_least or -float("inf")):
            errors.append(
                f"{shown(track.name)}: the stems do not add up to the mix, what is left lies "
                f"{sum_db:.1f} dB below it; the files may belong to different tracks"
            )
    return TrackCheck(
        name=track.name,
        split=track.split,
        samples=track.samples,
        duration_s=round(track.duration_s, 6),
        sample_rate_hz=track.sample_rate_hz,
        channels=track.channels,
        stems=track.stems,
        sum_db=sum_db,
        errors=tuple(dict.fromkeys(errors)),
    )


def _headers(track: Track) -> Iterator[str]:
    """What the headers of a track's streams say that does not fit together."""
    channels = None
    for part in track.parts():
        found = part.header()
        channels = channels or found.channels
        for has, must, unit in (
            (found.sample_rate_hz, track.sample_rate_hz, "Hz"),
            (found.samples, track.samples, "samples"),
            (found.channels, channels, "channel(s)"),
        ):
            if has != must:
                where = f", stream {part.stream}" if part.stream else ""
                yield f"{shown(part.path)}{where}: has {has} {unit}, its track {must}"


def _lengths(track: Track) -> Iterator[str]:
    """Streams that give another number of samples than their header says."""
    for part in track.parts():
        says = part.header().samples
        gives = part.decoded_samples()
        if gives != says:
            where = f", stream {part.stream}" if part.stream else ""
            yield f"{shown(part.path)}{where}: gives {gives} samples, its header says {says}"


def _sum_db(track: Track) -> float:
    """Energy of the mix over energy of the mix less all stems, in dB."""
    import numpy as np

    rest = track.mix()
    energy = float(np.sum(rest.astype(np.float64) ** 2))
    for stem in track.stems:
        rest -= track.stem(stem)
    left = float(np.sum(rest.astype(np.float64) ** 2))
    if not np.isfinite(energy + left):
        raise InputError(f"{shown(track.name)}: has samples that are not finite; get another copy")
    return 10.0 * float(np.log10(max(energy, 1e-30) / left)) if left else float("inf")


def _bytes(track: Track, root: Path | None, index: Index) -> Iterator[str]:
    """Files whose bytes are not those of the index."""
    for file in track.files:
        known = index.get(_key(file, root))
        if known is None:
            yield f"{shown(file)}: is not in the index"
        elif hashed(file) != known:
            yield f"{shown(file)}: has changed since the index was made"


def _key(file: Path, root: Path | None) -> str:
    return (file.relative_to(root) if root and file.is_relative_to(root) else file).as_posix()


def _repeated(tracks: list[Track]) -> Iterator[str]:
    """Names that two tracks of one split have."""
    seen: set[tuple[str, str]] = set()
    for track in tracks:
        if (track.split, track.name) in seen:
            yield f"{track.split} has two tracks called {shown(track.name)}"
        seen.add((track.split, track.name))
