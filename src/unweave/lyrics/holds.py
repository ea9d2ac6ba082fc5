"""What lyrics may have and not every format has a place for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from unweave.lyrics.change import REST_S
from unweave.lyrics.model import Line, Lyrics


class Holds(StrEnum):
    """Each is named as in "it has no place for ..."."""

    TIMES = "the times of lines"
    WORDS = "the times of words and syllables"
    NOTES = "the pitches and kinds of notes"
    SINGERS = "who of several singers sings a line"
    TAGS = "title, artist and other tags"
    SCREEN = "when a line appears and goes"
    TEMPO = "tempo and gap"
    OVERLAPS = "syllables that overlap: each ends where the next begins"
    SILENCE = "lines without text"


@dataclass(frozen=True, slots=True)
class Written:
    """A file's text, and what of the lyrics it does not say."""

    text: str
    losses: tuple[str, ...] = ()


def lost(lyrics: Lyrics, holds: Iterable[Holds]) -> tuple[str, ...]:
    """What the lyrics have and a format that `holds` these things has no place for."""
    places = frozenset(holds)
    return tuple(f"no place for {each}" for each in Holds if each in _found(lyrics) - places)


def invented(lyrics: Lyrics) -> tuple[str, ...]:
    """What a format says that needs the end of everything, as `change.with_ends` has it."""
    count = sum(each.end_s is None for each in lyrics.syllables())
    said = f"{count} ends are not known; the next start is taken, or {REST_S:g} s later"
    return (said,) if count else ()


def _overlaps(line: Line) -> bool:
    times = [(each.start_s, each.end_s) for each in line.syllables]
    return any(
        end is not None and start is not None and end > start
        for (_, end), (start, _) in pairwise(times)
    )


def _found(lyrics: Lyrics) -> frozenset[Holds]:
    syllables = list(lyrics.syllables())
    found = {
        Holds.TIMES: any(each.start_s is not None for each in syllables),
        Holds.WORDS: any(len(line.syllables) > 1 for line in lyrics.lines),
        Holds.NOTES: any(each.note is not None for each in syllables),
        Holds.SINGERS: len(lyrics.singers) > 1,
        Holds.TAGS: bool(lyrics.tags),
        Holds.SCREEN: any((line.show_s, line.hide_s) != (None, None) for line in lyrics.lines),
        Holds.TEMPO: lyrics.grid is not None,
        Holds.OVERLAPS: any(map(_overlaps, lyrics.lines)),
        Holds.SILENCE: any(not line.text for line in lyrics.lines),
    }
    return frozenset(each for each, there in found.items() if there)
