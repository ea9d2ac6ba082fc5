"""What a remix is handed on as: stem files, projects of production programs, labels, a ZIP of all.

A stem file holds four stems. Fewer are filled with named silence. Of more, drums, bass and vocals
stay, then as many others as there is room for, in their order; the rest is summed as `other`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from unweave.apps.remix.mix import AUTOMATED, Mix, Value
from unweave.audio.info import Cover
from unweave.audio.stem_file.metadata import Metadata, labels
from unweave.audio.stem_file.slots import COUNT, Slot, arrange
from unweave.audio.stem_file.writer import stem_encoding, stem_writer
from unweave.audio.writer import Writer
from unweave.core.stem_names import RESIDUAL, canonical
from unweave.errors import UsageError, quoted
from unweave.exports import reaper
from unweave.exports.bundle import write_bundle
from unweave.exports.dawproject import write_dawproject
from unweave.exports.labels import write_labels
from unweave.exports.names import plain
from unweave.exports.session import Marker, Session, Tempo, Track

CODECS = {"stem.mp4": "aac", "stem.m4a": "alac"}
PROJECTS = ("dawproject", "rpp", "labels", "zip")
KINDS = (*CODECS, *PROJECTS)
WITH_STEMS = ("dawproject", "rpp", "zip")  # those that play the stems' files
_FIRST = ("drums", "bass", "other", "vocals")  # as players show them
_OTHER = "other"


def check(exports: Sequence[str], mix: Mix, format: str) -> None:
    """Raise UsageError, one line, for an export that cannot be made."""
    for kind in exports:
        if kind not in KINDS:
            raise UsageError(f"there is no export {quoted(kind)}; choose {', '.join(KINDS)}")
    if "labels" in exports and not markers(mix, 0.0):
        raise UsageError(
            "labels are the markers and the points of a mix, and it has none; give it some in a "
            "file, as in markers = [[0, 'Intro']]"
        )
    if {"rpp", "zip"} & set(exports):
        track = Track("stem", Path(f"stem.{format}"), 1, 1, 1)
        reaper.project(Session("", [track]), [f"stem.{format}"])


def names(title: str, exports: Sequence[str]) -> dict[str, str]:
    """The name of the file of each export."""
    plain_title = plain(title)
    ends = {"labels": " markers.txt"}
    return {kind: plain_title + ends.get(kind, f".{kind}") for kind in exports}


def slots(stems: Sequence[str]) -> list[Slot]:
    """The four stems of a stem file, each the sum of some of `stems`; none for silence."""
    ordered = sorted(stems, key=lambda stem: _place(stem, stems))
    if len(ordered) <= COUNT:
        return arrange(ordered)
    kept = [stem for stem in ordered if canonical(stem) in _FIRST and not _is_rest(stem)]
    others = [stem for stem in ordered if stem not in kept and not _is_rest(stem)]
    kept += others[: COUNT - 1 - len(kept)]
    return arrange(ordered, {_OTHER: [stem for stem in ordered if stem not in kept]})


def _place(stem: str, stems: Sequence[str]) -> tuple[int, int]:
    known = canonical(stem)
    return (_FIRST.index(known) if known in _FIRST else len(_FIRST), stems.index(stem))


def _is_rest(stem: str) -> bool:
    return canonical(stem) in (_OTHER, RESIDUAL)


def stem_file(
    path: Path,
    kind: str,
    four: Sequence[Slot],
    sample_rate_hz: int,
    bit_depth: int | None,
    tags: Mapping[str, str],
    cover: Cover | None,
) -> Writer:
    """A writer of a stem file, AAC or ALAC by its name. Raises UsageError, OutputError."""
    codec = CODECS[kind]
    depth = bit_depth if codec == "alac" and bit_depth in (16, 24) else None
    shown = labels([slot.name for slot in four], [not slot.sources for slot in four])
    how = stem_encoding(codec, sample_rate_hz, depth)
    return stem_writer(path, how, sample_rate_hz, Metadata(shown), tags=tags, cover=cover)


def session(
    title: str, tracks: Sequence[Track], mix: Mix, start_s: float, tags: Mapping[str, str]
) -> Session:
    """The project of a remix. start_s: where in the recording it begins."""
    colours = [label.colour for label in labels([track.name for track in tracks])]
    coloured = [
        replace(track, colour=colour) for track, colour in zip(tracks, colours, strict=True)
    ]
    return Session(title, coloured, tempos(mix, start_s), markers(mix, start_s), tags)


def markers(mix: Mix, start_s: float) -> list[Marker]:
    """The markers of a mix and the points of its stems, from `start_s` on."""
    found = [Marker(time_s, name) for time_s, name in mix.markers]
    units = {"gain": " dB"}
    for stem, strip in mix.stems.items():
        for name in AUTOMATED:
            value = getattr(strip, name)
            for time_s, number in value if isinstance(value, tuple) else ():
                text = f"{stem} {name} {number:g}{units.get(name, '')}"
                found.append(Marker(time_s, text))
    found.sort(key=lambda marker: marker.time_s)
    return [
        Marker(marker.time_s - start_s, marker.name) for marker in found if marker.time_s >= start_s
    ]


def tempos(mix: Mix, start_s: float) -> list[Tempo]:
    """The tempo map of a mix from `start_s` on, whose tempo comes first."""
    if mix.tempo is None:
        return []
    value: Value = mix.tempo
    points = value if isinstance(value, tuple) else ((0.0, value),)
    before = [bpm for time_s, bpm in points if time_s <= start_s]
    after = [Tempo(time_s - start_s, bpm) for time_s, bpm in points if time_s > start_s]
    return [Tempo(0.0, before[-1]), *after]


def write(
    files: Mapping[str, Path],
    project: Session,
    more: Mapping[str, Path],
    levels: Mapping[str, Any],
) -> None:
    """Write the exports that are made of finished files.

    files: of each export, by its kind. more: what the ZIP holds besides the project, by its name
    there; levels: what `loudness.json` in it says. Raises UsageError, InputError, OutputError.
    """
    makers: dict[str, Callable[[Path], None]] = {
        "dawproject": lambda path: write_dawproject(path, project),
        "rpp": lambda path: reaper.write_reaper(path, project),
        "labels": lambda path: write_labels(path, project.markers),
    }
    for kind, path in files.items():
        if kind in makers:
            makers[kind](path)
    if "zip" in files:
        text = json.dumps(levels, indent=2).encode() + b"\n"
        others = {
            path.name: path for kind, path in files.items() if kind not in ("zip", "rpp", "labels")
        }
        write_bundle(files["zip"], project, {**more, **others, "loudness.json": text})
