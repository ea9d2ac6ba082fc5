"""UltraStar songs, for singing games: headers, then a note in each line.

"The UltraStar File Format", unversioned and versions 1 and 2 (github.com/UltraStar-Deluxe/format),
and where that leaves a choice, UltraStar Deluxe (USong.pas):

- `: start length pitch text`, in beats and in semitones above middle C; `:` is a normal note, `*`
  golden, `F` freestyle, `R` rap, `G` golden rap, any other freestyle with a warning;
- `- end` or `- end start`: the line goes at a beat, and the next appears there or at the second;
- `P1`, `P2`: whose notes follow, `P3` without a header `#P3` being both's. A line that all singers
  have is one line of both;
- `B beat BPM`: another tempo; `E`: the end, and whatever comes after it is no part of the song;
- `#RELATIVE:yes`: beats count from the last `-`, whose second number says how far that moves on;
- a space belongs to one of the words that it separates; `~` goes on with the syllable before it.

The time of a beat is `GAP / 1000 + beat * 60 / (4 * BPM)`, section "The #BPM header". In version 2
it is `GAP / 1000 + beat * 60 / BPM`, other times of headers are in milliseconds, and `-` may stand
alone. Songs are written as before version 2, in UTF-8, with absolute beats: those they were read
with, or of 10 ms where the times do not lie on them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from unweave.errors import quoted
from unweave.lyrics.change import with_ends
from unweave.lyrics.grid import Grid
from unweave.lyrics.holds import Holds, Written, invented, lost
from unweave.lyrics.model import (
    BOTH,
    Kind,
    Line,
    Lyrics,
    Note,
    Syllable,
    cleaned,
    in_order,
    spaced,
)
from unweave.lyrics.rows import BadRow, Budget, checked, rows, short

SUFFIXES = (".txt",)
KINDS = {
    ":": Kind.NORMAL,
    "*": Kind.GOLDEN,
    "F": Kind.FREESTYLE,
    "R": Kind.RAP,
    "G": Kind.GOLDEN_RAP,
}
_SIGNS = {kind: sign for sign, kind in KINDS.items()}
_BEAT = r"-?\d{1,10}"
_NUMBER = r"-?\d{1,10}(?:[.,]\d{1,10})?"
_NOTE = re.compile(rf"([^\s#\d\-BEP])\s*({_BEAT})\s+(\d{{1,10}})\s+(-?\d{{1,4}})(?:\s(.*))?")
_BREAK = re.compile(rf"-\s*({_BEAT})(?:\s+({_BEAT}))?")
_VERSION = re.compile(r"(\d{1,3})(?:\.\d{1,5}){0,2}")
_VOICE = re.compile(r"P\s?([1-9])")
_TEMPO = re.compile(rf"B\s*({_NUMBER})\s+({_NUMBER})")
_HEADER = re.compile(r"#([^:]+):(.*)")
_LONGEST_JOINED = 4096  # characters of headers of one name
_ON_GRID_S = 0.0005
_JOINER = "\u2060"
_NEEDED = ("title", "artist", "mp3")
_IN_MILLISECONDS = ("start", "previewstart", "videogap")  # in version 2; seconds before it
_MEDLEY = ("medleystartbeat", "medleyendbeat")
_ALIASES = {"duetsingerp1": "p1", "duetsingerp2": "p2"}


@dataclass(slots=True)
class _Beats:
    """A note as it stands in the file, at absolute beats."""

    number: int
    start: int
    length: int
    text: str
    note: Note


@dataclass(slots=True)
class _Row:
    """The notes between two `-`, and the beats at which it appears and goes."""

    notes: list[_Beats] = field(default_factory=list)
    show: int | None = None
    hide: int | None = None


@dataclass(slots=True)
class _Voice:
    moved: int = 0  # how far relative beats have moved on
    rows: list[_Row] = field(default_factory=lambda: [_Row()])


@dataclass(slots=True)
class _Song:
    """What is known of a song while it is read."""

    tags: dict[str, str] = field(default_factory=dict)
    tempos: list[tuple[float, float]] = field(default_factory=list)
    gap_s: float = 0.0
    relative: bool = False
    version: int = 0
    voices: dict[int, _Voice] = field(default_factory=dict)
    at: int = 1  # the voice whose notes follow
    warnings: list[str] = field(default_factory=list)
    budget: Budget = field(default_factory=Budget)


def recognises(text: str) -> bool:
    head = text[:65536]
    if re.search(rf"^[ \t]*[:*FRG][ \t]*{_BEAT}[ \t]+\d+[ \t]+-?\d+([ \t]|$)", head, re.MULTILINE):
        return True
    return bool(re.match(r"\s*#\s*(title|artist|mp3|bpm|gap|version|encoding)\s*:", head, re.I))


def read(text: str) -> Lyrics:
    song = _Song()
    for number, row in rows(text):
        row = cleaned(row)
        stripped = row.strip(" ")
        if stripped == "E":
            break
        if stripped:
            _take(song, number, row.lstrip(" "), stripped)
    if not song.voices:
        return Lyrics((), song.tags, warnings=tuple(song.warnings))
    grid, tags = _grid_and_tags(song)
    lines = {
        singer: [_line(row, singer, grid) for row in voice.rows if row.notes]
        for singer, voice in song.voices.items()
    }
    return Lyrics(in_order(_merged(lines)), tags, grid, tuple(song.warnings))


def _grid_and_tags(song: _Song) -> tuple[Grid, dict[str, str]]:
    """As they are before version 2."""
    tags = dict(song.tags)
    if "audio" in tags:
        tags.setdefault("mp3", tags["audio"])
    if song.version < 2:
        return Grid(song.gap_s, tuple(song.tempos)), tags
    for name in _IN_MILLISECONDS:
        if re.fullmatch(_NUMBER, tags.get(name, "")):
            tags[name] = _decimal(_value(tags[name]) / 1000)
    return Grid(song.gap_s, tuple((beat, bpm / 4) for beat, bpm in song.tempos)), tags


def _take(song: _Song, number: int, row: str, stripped: str) -> None:
    """One line of the file."""
    if stripped.startswith("#"):
        _header(song, number, stripped)
    elif found := _VOICE.fullmatch(stripped):
        song.at = _singer(song, int(found[1]))
    elif found := _TEMPO.fullmatch(stripped):
        _tempo(song, number, _value(found[1]), _value(found[2]))
    elif found := _BREAK.fullmatch(stripped):
        _break(song, number, int(found[1]), found[2])
    elif stripped == "-" and song.version >= 2:
        _voice(song, number).rows.append(_Row())
    elif found := _NOTE.fullmatch(row):
        _note(song, number, found)
    else:
        raise BadRow(
            number,
            f"{short(row)} is no line of a song; notes are written as ': start length pitch "
            "text', the ends of lines as '- beat'",
        )


def _header(song: _Song, number: int, row: str) -> None:
    found = _HEADER.fullmatch(row)
    if found is None:
        raise BadRow(number, f"{short(row)} is no header; write it as #NAME:value")
    name, value = found[1].strip().lower(), found[2].strip()
    if not value or name == "encoding":
        return
    if name == "bpm":
        bpm = _number(number, name, value)
        if not 0 < bpm < 1e6:
            raise BadRow(number, f"BPM is {quoted(value)}; it must be above 0")
        song.tempos[:1] = [(0.0, bpm)]
    elif name == "gap":
        song.gap_s = _number(number, name, value) / 1000
    elif name == "version":
        song.version = _version(number, value)
        if song.version < 2:
            song.tags[name] = value
    elif name == "relative":
        song.relative = value.lower() in ("yes", "true", "1")
    else:
        name = _ALIASES.get(name, name)
        if len(song.tags.get(name, "")) > _LONGEST_JOINED:
            raise BadRow(number, f"header {quoted(found[1])} is there too often; keep one of it")
        song.tags[name] = f"{song.tags[name]}, {value}" if name in song.tags else value


def _version(number: int, value: str) -> int:
    found = _VERSION.fullmatch(value)
    if found is None or int(found[1]) > 2:
        raise BadRow(number, f"version {quoted(value)} is not known; versions up to 2 are")
    return int(found[1])


def _number(number: int, name: str, value: str) -> float:
    if not re.fullmatch(_NUMBER, value):
        raise BadRow(number, f"{name.upper()} is {quoted(value)}; write a number such as 297,5")
    return _value(value)


def _value(text: str) -> float:
    return float(text.replace(",", "."))


def _singer(song: _Song, voice: int) -> int:
    return BOTH if voice == 3 and "p3" not in song.tags else voice


def _voice(song: _Song, number: int) -> _Voice:
    if not song.tempos:
        raise BadRow(number, "notes begin and no header #BPM is there; write one, as #BPM:300")
    return song.voices.setdefault(song.at, _Voice())


def _tempo(song: _Song, number: int, beat: float, bpm: float) -> None:
    beat += _voice(song, number).moved
    if not 0 < bpm < 1e6:
        raise BadRow(number, f"BPM is {bpm:g}; it must be above 0")
    if beat == song.tempos[-1][0]:
        song.tempos[-1] = (beat, bpm)
    elif beat > song.tempos[-1][0]:
        song.tempos.append((beat, bpm))
    else:
        raise BadRow(number, "the tempo changes before a beat at which it has changed; sort them")


def _break(song: _Song, number: int, end: int, second: str | None) -> None:
    voice = _voice(song, number)
    if song.relative and second is None:
        raise BadRow(number, "a song with #RELATIVE:yes needs two beats after '-'; write both")
    hide = end + voice.moved
    if song.relative:
        voice.moved += int(second or 0)
    show = voice.moved if song.relative else int(second or end)
    if voice.rows[-1].notes:
        voice.rows[-1].hide = hide
        voice.rows.append(_Row())
    voice.rows[-1].show = show


def _note(song: _Song, number: int, found: re.Match[str]) -> None:
    voice = _voice(song, number)
    sign, start, length, pitch, text = found.groups()
    kind = KINDS.get(sign.upper())
    if kind is None:
        kind = Kind.FREESTYLE
        if len(song.warnings) < 10:
            song.warnings.append(f"line {number}: {quoted(sign)} is no kind of note: freestyle")
    song.budget.take(number, 1)
    begins = int(start) + voice.moved
    before = next((row.notes[-1] for row in reversed(voice.rows) if row.notes), None)
    if before and begins < before.start:
        raise BadRow(
            number,
            f"the note begins before the one in line {before.number}; sort the notes of a singer",
        )
    text, tied = _tied(text or "")
    note = Note(int(pitch), kind, tied)
    voice.rows[-1].notes.append(_Beats(number, begins, int(length), text, note))


def _tied(text: str) -> tuple[str, bool]:
    """Text without `~`, and whether it goes on with the syllable before it."""
    body = text.strip(" ")
    if not body or body.startswith("~"):
        return body.removeprefix("~") + " " * text.endswith(" "), True
    return text.replace(f"{_JOINER}~", "~"), False


def _line(row: _Row, singer: int, grid: Grid) -> Line:
    texts = spaced((each.text for each in row.notes), (each.note.tied for each in row.notes))
    syllables = []
    for each, text in zip(row.notes, texts, strict=True):
        start_s = checked(each.number, grid.time_s(each.start))
        end_s = checked(each.number, grid.time_s(each.start + each.length))
        syllables.append(Syllable(text, start_s, end_s, each.note))
    show_s, hide_s = (
        None if beat is None else _screen(grid, beat) for beat in (row.show, row.hide)
    )
    return Line(tuple(syllables), singer, show_s, hide_s)


def _screen(grid: Grid, beat: int) -> float | None:
    """When a line appears or goes; nothing where that cannot be."""
    at_s = grid.time_s(beat)
    return at_s if 0 <= at_s < 1e6 else None


def _merged(lines: Mapping[int, list[Line]]) -> list[Line]:
    """Lines that every singer has are one line of both."""
    voices = [singer for singer in lines if singer != BOTH]
    if len(voices) < 2:
        return [line for each in lines.values() for line in each]
    there = [{line.syllables for line in lines[singer]} for singer in voices]
    common = set.intersection(*there)
    found = list(lines.get(BOTH, []))
    for singer in voices:
        for line in lines[singer]:
            if line.syllables not in common:
                found.append(line)
            elif singer == voices[0]:
                found.append(replace(line, singer=BOTH))
    return found


def write(lyrics: Lyrics) -> Written:
    if not lyrics.timed:
        raise ValueError("UltraStar needs a time for every line")
    ended = with_ends(lyrics)
    grid = _grid(ended)
    losses = [*lost(lyrics, Holds), *invented(lyrics), *_untuned(lyrics)]
    if lyrics.grid not in (None, grid):
        losses.append("times lie between the beats: a finer tempo is written, with its own gap")
    if missing := [name for name in _NEEDED if name not in lyrics.tags]:
        losses.append(f"games need the headers #{', #'.join(missing).upper()}, which are not there")
    text = "".join(_headers(lyrics, grid, losses))
    voices = sorted(set(lyrics.singers) - {BOTH} | ({1, 2} if BOTH in lyrics.singers else set()))
    if set(lyrics.singers) == {BOTH}:
        voices = [BOTH]
    for singer in voices:
        text += f"P{singer}\n" if voices not in ([1], [BOTH]) else ""
        lines = [line for line in ended.lines if line.singer in (singer, BOTH) and line.syllables]
        text += "".join(_notes(lines, grid))
        if lines[:1] and (lines[0].show_s, lines[-1].hide_s) != (None, None):
            losses.append("no place for when the first line appears and the last goes")
    text += "".join(f"B {_decimal(beat)} {_decimal(bpm)}\n" for beat, bpm in grid.tempos[1:])
    return Written(text + "E\n", tuple(dict.fromkeys(losses)))


def _grid(lyrics: Lyrics) -> Grid:
    """The beats that the times lie on, or fine ones."""
    own = lyrics.grid
    times = [
        at for each in lyrics.syllables() for at in (each.start_s, each.end_s) if at is not None
    ]
    if own and all(abs(own.time_s(round(own.beat(at))) - at) <= _ON_GRID_S for at in times):
        return own
    return Grid()


def _untuned(lyrics: Lyrics) -> Iterator[str]:
    count = sum(each.note is None for each in lyrics.syllables())
    if count:
        yield f"{count} syllables have no pitch and are freestyle notes, which bring no points"


def _headers(lyrics: Lyrics, grid: Grid, losses: list[str]) -> Iterator[str]:
    first = ("version", "title", "artist")
    names = sorted(lyrics.tags, key=lambda name: first.index(name) if name in first else 3)
    for name in names:
        value = cleaned(lyrics.tags[name]).strip(" ")
        said = f"#{name.upper()}:{value}"
        found = _HEADER.fullmatch(said)
        stale = name in _MEDLEY and grid is not lyrics.grid
        ours = name in ("bpm", "gap", "relative", "encoding") or name != name.strip().lower()
        ours |= name == "version" and not value.startswith("1.")
        if stale or ours or found is None or found[1].lower() != name:
            losses.append(f"no place for a tag called {short(name)}")
        elif value:
            yield said + "\n"
    yield f"#BPM:{_decimal(grid.bpm)}\n"
    yield f"#GAP:{_decimal(grid.gap_s * 1000)}\n"


def _decimal(value: float) -> str:
    return f"{round(value, 6):.15g}"


def _notes(lines: Sequence[Line], grid: Grid) -> Iterator[str]:
    for line, other in zip(lines, [*lines[1:], None], strict=True):
        begins = ""  # a space at the end of a word stands before the next, as games have it
        for each in line.syllables:
            assert each.start_s is not None
            assert each.end_s is not None
            note = each.note or Note(0, Kind.FREESTYLE)
            start = round(grid.beat(each.start_s))
            length = max(1, round(grid.beat(each.end_s)) - start)
            body = each.text.strip(" ")
            if note.tied or not body:
                body = "~" + body
            elif body.startswith("~"):
                body = _JOINER + body
            yield f"{_SIGNS[note.kind]} {start} {length} {note.pitch} {begins}{body}\n"
            begins = " " if each.text.endswith(" ") else ""
        if other is not None:
            yield _end(line, other, grid)


def _end(line: Line, other: Line, grid: Grid) -> str:
    """`-` after a line: where it goes, and where the next appears if that is said."""
    assert line.end_s is not None
    assert other.start_s is not None
    latest = round(grid.beat(other.start_s))
    hide = round(grid.beat(line.end_s if line.hide_s is None else line.hide_s))
    if line.hide_s is None:
        hide = min(hide, latest)
    show = hide if other.show_s is None else round(grid.beat(other.show_s))
    if other.singer == BOTH:  # it may appear for the other singer while this line is sung
        show = max(show, hide)
    return f"- {hide} {show}\n" if show != hide else f"- {hide}\n"
