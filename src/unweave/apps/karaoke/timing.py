"""Where a moment of the song lies in its backing track, and lyrics that are moved there.

The backing track begins with a count-in. Then the used part of the recording is played, at another
tempo: from its first word's intro on, where the intro was cut.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from unweave.lyrics import Line, Lyrics, Syllable
from unweave.lyrics.grid import Grid

OF_THE_RECORDING = ("start", "end", "previewstart", "videogap", "length", "offset")
"""Tags whose times are the recording's."""

ROUNDING_S = 1e-6
SOUND = ("mp3", "audio")  # tags that name the file to be sung to


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """start, length: of the used part of the recording, in samples; lead: of the count-in."""

    rate_hz: int
    start: int
    length: int
    tempo: float = 1.0
    lead: int = 0

    @property
    def samples(self) -> int:
        """The length of the backing track."""
        return self.lead + stretched_length(self.length, self.tempo)


def stretched_length(length: int, tempo: float) -> int:
    """How many samples `length` samples become."""
    return round(length / tempo)


def backing_time_s(song_s: float, timing: Timing) -> float:
    """The time in the backing track of a time in the recording. Negative: before it begins."""
    inside_s = song_s - timing.start / timing.rate_hz
    return timing.lead / timing.rate_hz + inside_s / timing.tempo


def retimed(lyrics: Lyrics, timing: Timing, key: float = 0.0) -> Lyrics:
    """Lyrics in the time of the backing track, notes in its key.

    Lines that begin outside of the used part are left out, and of the last one what is sung after
    its end. What has no time keeps none.
    """
    first_s = timing.lead / timing.rate_hz
    last_s = timing.samples / timing.rate_hz
    grid = lyrics.grid
    if grid is not None:
        tempos = tuple((beat, bpm * timing.tempo) for beat, bpm in grid.tempos)
        grid = Grid(backing_time_s(grid.gap_s, timing), tempos)
        last_s = min(last_s, grid.time_s(math.floor(grid.beat(last_s) + ROUNDING_S)))  # on a beat

    def inside(line: Line) -> bool:
        if line.start_s is None:
            return True
        return first_s - ROUNDING_S <= backing_time_s(line.start_s, timing) < last_s

    before, after = _ends(lyrics.lines)
    kept = [line for line in lyrics.lines if inside(line)]
    first, last = _ends(kept)
    lines = []
    for line in kept:
        moved, singer = _retimed(line, timing, round(key), last_s), line.singer
        if line is first[singer] and line is not before[singer]:
            moved = replace(moved, show_s=None)  # it appeared when the one before it went
        if line is last[singer] and line is not after[singer]:
            moved = replace(moved, hide_s=None)
        lines.append(moved)
    tags = {name: text for name, text in lyrics.tags.items() if name not in OF_THE_RECORDING}
    return replace(lyrics, lines=tuple(lines), grid=grid, tags=tags)


def sung_to(lyrics: Lyrics, file: str) -> Lyrics:
    """The same lyrics, where they name the file that is sung to, with that name."""
    return replace(
        lyrics,
        tags={name: file if name in SOUND else text for name, text in lyrics.tags.items()},
    )


def first_word_s(lyrics: Lyrics, begin_s: float = 0.0) -> float | None:
    """When the first line begins that begins at `begin_s` or later, both times in the recording;
    None where none is known to."""
    starts = [line.start_s for line in lyrics.lines if line.text and line.start_s is not None]
    return min((start_s for start_s in starts if start_s >= begin_s), default=None)


def last_line(lyrics: Lyrics) -> Line | None:
    """The line that begins last; None where no time is known."""
    timed = [line for line in lyrics.lines if line.start_s is not None]
    return max(timed, key=lambda line: line.start_s or 0.0, default=None)


def _ends(lines: Sequence[Line]) -> tuple[dict[int, Line], dict[int, Line]]:
    """Each singer's first line, and each one's last."""
    return ({line.singer: line for line in reversed(lines)}, {line.singer: line for line in lines})


def _retimed(line: Line, timing: Timing, semitones: int, last_s: float) -> Line:
    sung = [
        each
        for each in line.syllables
        if each.start_s is None or backing_time_s(each.start_s, timing) < last_s
    ]
    return replace(
        line,
        syllables=tuple(_moved(each, timing, semitones, last_s) for each in sung),
        show_s=_inside(line.show_s, timing, last_s),
        hide_s=_inside(line.hide_s, timing, last_s),
    )


def _moved(syllable: Syllable, timing: Timing, semitones: int, last_s: float) -> Syllable:
    note = syllable.note
    return replace(
        syllable,
        start_s=_inside(syllable.start_s, timing, last_s),
        end_s=_inside(syllable.end_s, timing, last_s),
        note=None if note is None else replace(note, pitch=note.pitch + semitones),
    )


def _inside(song_s: float | None, timing: Timing, last_s: float) -> float | None:
    return None if song_s is None else min(max(0.0, backing_time_s(song_s, timing)), last_s)
