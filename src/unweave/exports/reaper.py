"""A project of REAPER, `.rpp`: a track for each stem, tempo map, markers, colours.

The format is text: a block is `<NAME values`, its lines, and `>`. It has no published definition;
lines here are those that REAPER itself writes for the same things. Tracks keep their places in time
when the tempo is changed (`BEAT 0`).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from unweave.core.files import atomic_write, shown
from unweave.errors import UsageError
from unweave.exports.session import Marker, Session, Tempo, Track, line, number, ratio

_SOURCES = {".wav": "WAVE", ".flac": "FLAC", ".mp3": "MP3", ".ogg": "VORBIS", ".opus": "OPUS"}
_HAS_COLOUR = 1 << 24
_IDENTITIES = uuid.uuid5(uuid.NAMESPACE_URL, "unweave:reaper")
_SQUARE = 1  # a tempo that holds until the next point
_TEMPO_AND_SIGNATURE = 1


def write_reaper(path: Path, session: Session) -> None:
    """Write the project; it names the stems' files as they lie relative to it.

    The file is whole or absent. Raises UsageError for a sound file that REAPER does not read,
    OutputError.
    """
    folder = os.path.abspath(Path(path).parent)
    files = [_relative(track.file, folder) for track in session.tracks]
    atomic_write(path, project(session, files).encode())


def project(session: Session, files: Sequence[str]) -> str:
    """The text of the project. files: of each track, relative to the project, with `/`."""
    lines = [
        '<REAPER_PROJECT 0.1 "7.0" 0',
        f"  TITLE {_text(session.title)}",
        f"  AUTHOR {_text(session.tags.get('artist', ''))}",
        f"  SAMPLERATE {session.tracks[0].sample_rate_hz} 1 0",
        *_tempos(session.tempos),
        *(_marker(n, marker) for n, marker in enumerate(session.markers, 1)),
    ]
    for place, (track, file) in enumerate(zip(session.tracks, files, strict=True)):
        lines += _track(track, file, f"{session.title}/{place}")
    return "\n".join([*lines, ">", ""])


def _tempos(tempos: Sequence[Tempo]) -> Iterator[str]:
    if not tempos:
        return
    first = tempos[0]
    yield f"  TEMPO {number(first.bpm)} {first.beats} {first.unit}"
    yield "  <TEMPOENVEX"
    yield from ("    ACT 1 -1", "    VIS 1 0 1", "    LANEHEIGHT 0 0", "    ARM 0")
    yield "    DEFSHAPE 1 -1 -1"
    for each in tempos:
        signature = (each.unit << 16) + each.beats
        values = (_SQUARE, signature, 0, _TEMPO_AND_SIGNATURE)
        yield f"    PT {number(each.time_s)} {number(each.bpm)} {' '.join(map(str, values))}"
    yield "  >"


def _marker(place: int, marker: Marker) -> str:
    colour = _colour(marker.colour) if marker.colour else 0
    return f"  MARKER {place} {number(marker.time_s)} {_text(marker.name)} 0 {colour} 1"


def _track(track: Track, file: str, identity: str) -> list[str]:
    kind = _SOURCES.get(Path(file).suffix.lower())
    if kind is None:
        known = ", ".join(_SOURCES)
        raise UsageError(f"{shown(file)}: a REAPER project takes {known}; write another format")
    ids = ["{" + str(uuid.uuid5(_IDENTITIES, identity + part)).upper() + "}" for part in "ti"]
    return [
        f"  <TRACK {ids[0]}",
        f"    NAME {_text(track.name)}",
        f"    PEAKCOL {_colour(track.colour)}",
        "    BEAT 0",
        f"    VOLPAN {number(ratio(track.gain_db))} {number(track.pan)} -1 -1 1",
        f"    MUTESOLO {int(track.mute)} {int(track.solo)} 0",
        f"    NCHAN {max(2, track.channels + track.channels % 2)}",
        f"    TRACKID {ids[0]}",
        "    <ITEM",
        f"      POSITION {number(track.start_s)}",
        f"      LENGTH {number(track.duration_s)}",
        "      LOOP 0",
        f"      IGUID {ids[1]}",
        f"      NAME {_text(track.name)}",
        f"      <SOURCE {kind}",
        f"        FILE {_path(file)}",
        "      >",
        "    >",
        "  >",
    ]


def _text(text: str) -> str:
    """A string in quotes; where it has all three kinds of them, one kind is replaced."""
    text = line(text)
    return _quoted(text) or _quoted(text.replace("`", "'"))


def _path(file: str) -> str:
    if not (file.isprintable() and _quoted(file)):
        raise UsageError(f"{shown(file)}: no REAPER project can hold this name; rename the file")
    return _quoted(file)


def _quoted(text: str) -> str:
    """`text` in the quotes that it does not contain, nothing where it has all three."""
    return next((f"{quote}{text}{quote}" for quote in "\"'`" if quote not in text), "")


def _colour(colour: str) -> int:
    """`#RRGGBB` -> blue, green, red from the highest byte down, and a bit that says so."""
    red, green, blue = bytes.fromhex(colour[1:])
    return _HAS_COLOUR | blue << 16 | green << 8 | red


def _relative(file: Path, folder: str) -> str:
    try:
        return Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:  # on another drive
        return Path(os.path.abspath(file)).as_posix()
