"""What lyrics may have and not every format has a place for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from unweave.lyrics.model import Lyrics


class Holds(StrEnum):
    """Each is named as in "it has no place for ..."."""

    TIMES = "the times of lines"
    WORDS = "the times of words and syllables"
    NOTES = "the pitches and kinds of notes"
    SINGERS = "who of several singers sings a line"
    TAGS = "title, artist and other tags"
    SCREEN = "when a line appears and goes"
    TEMPO = "tempo and gap"


@dataclass(frozen=True, slots=True)
class Written:
    """A file's text, and what of the lyrics it does not say."""

    text: str
    losses: tuple[str, ...] = ()


def lost(lyrics: Lyrics, holds: Iterable[Holds]) -> tuple[str, ...]:
    """What the lyrics have and a format that `holds` these things has no place for."""
    places = frozenset(holds)
    return tuple(f"no place for {each}" for each in Holds if each in _found(lyrics) - places)


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
    }
    return frozenset(each for each, there in found.items() if there)
