"""What a project has: stems on tracks, where they begin, a tempo map, markers, colours.

Times are seconds from the beginning of the session. A beat is a quarter note, whatever the time
signature. A tempo holds until the next one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from unweave.errors import UsageError, quoted

_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_MOST_BPM = 960.0  # the least that the programs allow


@dataclass(frozen=True, slots=True)
class Track:
    """A sound file on a track. `pan`: -1 left, 1 right. `colour`: `#RRGGBB`."""

    name: str
    file: Path
    sample_rate_hz: int
    channels: int
    samples: int
    colour: str = "#999999"
    start_s: float = 0.0
    gain_db: float = 0.0
    pan: float = 0.0
    mute: bool = False
    solo: bool = False

    @property
    def duration_s(self) -> float:
        return self.samples / self.sample_rate_hz


@dataclass(frozen=True, slots=True)
class Tempo:
    """Quarter notes a minute from `time_s` on, and the time signature `beats`/`unit`."""

    time_s: float
    bpm: float
    beats: int = 4
    unit: int = 4


@dataclass(frozen=True, slots=True)
class Marker:
    """A name at a time, with a colour or None. end_s: of what has a length, else None."""

    time_s: float
    name: str
    colour: str | None = None
    end_s: float | None = None


@dataclass(frozen=True)
class Session:
    """Everything of a project. `tags`: FFmpeg's names (artist, album, date, ...).

    Raises UsageError, in one line, for values that no project can have.
    """

    title: str
    tracks: Sequence[Track]
    tempos: Sequence[Tempo] = ()
    markers: Sequence[Marker] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.tracks:
            raise UsageError(f"{self.title}: a project needs at least one track")
        for track in self.tracks:
            _check_track(track)
        for tempo in self.tempos:
            _check_tempo(tempo)
        times = [tempo.time_s for tempo in self.tempos]
        if times and (times[0] != 0 or any(b <= a for a, b in pairwise(times))):
            raise UsageError(f"tempos begin at 0 s and go on in order of time, not {quoted(times)}")
        for marker in self.markers:
            _check_time(f"marker {quoted(marker.name)}", marker.time_s)
            _check_colour(f"marker {quoted(marker.name)}", marker.colour)


def track_of(file: Path, name: str, colour: str = "#999999") -> Track:
    """A sound file on a track, from its beginning. Raises InputError."""
    from unweave.audio.reader import probe
    from unweave.core.files import shown
    from unweave.errors import InputError

    info = probe(file)
    if info.frames is None:
        raise InputError(f"{shown(file)}: does not say how long it is; write it as WAV or FLAC")
    return Track(name, Path(file), info.sample_rate_hz, info.channels, info.frames, colour)


def beats_at(tempos: Sequence[Tempo], time_s: float) -> float:
    """Quarter notes from the beginning to `time_s`; 120 a minute where there are no tempos."""
    beats = 0.0
    ends = [tempo.time_s for tempo in tempos[1:]] + [math.inf]
    for tempo, end in zip(tempos or [Tempo(0.0, 120.0)], ends, strict=True):
        beats += max(0.0, min(time_s, end) - tempo.time_s) * tempo.bpm / 60
    return beats


def line(text: str) -> str:
    """`text` without line breaks, tabs and signs that no file format here can hold."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def number(value: float) -> str:
    """A number as text, to a nanosecond: no exponent, no zeros behind."""
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def ratio(db: float) -> float:
    """dB -> factor of the amplitude."""
    return float(10 ** (db / 20))


def _check_track(track: Track) -> None:
    name = f"track {quoted(track.name)}"
    _check_time(name, track.start_s)
    _check_colour(name, track.colour)
    if min(track.sample_rate_hz, track.channels, track.samples) < 1:
        raise UsageError(f"{name} has no sound")
    if not (math.isfinite(track.gain_db) and abs(track.gain_db) <= 144):
        raise UsageError(f"{name}: a gain is between -144 and 144 dB, not {track.gain_db}")
    if not -1 <= track.pan <= 1:
        raise UsageError(f"{name}: pan is between -1 (left) and 1 (right), not {track.pan}")


def _check_tempo(tempo: Tempo) -> None:
    if not (math.isfinite(tempo.bpm) and 1 <= tempo.bpm <= _MOST_BPM):
        raise UsageError(f"a tempo is between 1 and {_MOST_BPM:.0f} bpm, not {tempo.bpm}")
    if not 1 <= tempo.beats <= 255 or tempo.unit not in (1, 2, 4, 8, 16, 32, 64):
        raise UsageError(f"{tempo.beats}/{tempo.unit} is no time signature")


def _check_time(name: str, time_s: float) -> None:
    if not (math.isfinite(time_s) and time_s >= 0):
        raise UsageError(f"{name}: a time is 0 s or later, not {time_s}")


def _check_colour(name: str, colour: str | None) -> None:
    if colour is not None and not _COLOUR.fullmatch(colour):
        raise UsageError(f"{name}: a colour is #RRGGBB, not {quoted(colour)}")
