"""Timed lyrics: lines of syllables, each with its times, and in songs for games with its note.

A syllable is what lights up at once: a syllable, a word, or a whole line where no more is known.
A space at the end of its text ends a word. All times are seconds from the beginning of the
recording; None is a time that is not known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from unweave.lyrics.grid import Grid

BOTH = 0
"""The singer of a line that all singers sing."""

LONGEST_S = 100 * 3600.0
"""No time is later."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Kind(StrEnum):
    """How a game scores a note: golden counts more, freestyle nothing, rap has no pitch."""

    NORMAL = "normal"
    GOLDEN = "golden"
    FREESTYLE = "freestyle"
    RAP = "rap"
    GOLDEN_RAP = "golden rap"


@dataclass(frozen=True, slots=True)
class Note:
    """`pitch` in semitones above middle C; `tied`: the syllable before goes on at this pitch."""

    pitch: int
    kind: Kind = Kind.NORMAL
    tied: bool = False


@dataclass(frozen=True, slots=True)
class Syllable:
    """Text with its times. Raises ValueError for times or characters that cannot be."""

    text: str
    start_s: float | None = None
    end_s: float | None = None
    note: Note | None = None

    def __post_init__(self) -> None:
        if _CONTROL.search(self.text):
            raise ValueError("a syllable has a line break or a control character")
        start_s, end_s = self.start_s, self.end_s
        if start_s is None and end_s is not None:
            raise ValueError("a syllable has an end and no start")
        for at_s in (start_s, end_s):
            if at_s is not None:
                check_time(at_s)
        if start_s is not None and end_s is not None and end_s < start_s:
            raise ValueError("it ends before it begins")


@dataclass(frozen=True, slots=True)
class Line:
    """What stands in one line on a screen.

    singer: 1 to 9, or `BOTH`. show_s, hide_s: when the line appears and goes, where that is said.
    """

    syllables: tuple[Syllable, ...]
    singer: int = 1
    show_s: float | None = None
    hide_s: float | None = None

    @property
    def text(self) -> str:
        return "".join(syllable.text for syllable in self.syllables).strip(" ")

    @property
    def start_s(self) -> float | None:
        return self.syllables[0].start_s if self.syllables else None

    @property
    def end_s(self) -> float | None:
        return self.syllables[-1].end_s if self.syllables else None


@dataclass(frozen=True, slots=True)
class Word:
    """The syllables up to a space as one text, from the first's start to the last's end."""

    text: str
    start_s: float | None
    end_s: float | None


@dataclass(frozen=True, slots=True)
class Lyrics:
    """Lines in the order of time, or as in the file where they have none.

    tags: title, artist, album, language, creator and whatever else the file says, by names in
    small letters; p1 and p2 are the names of singers. grid: the beats that times lie on.
    warnings: what was not taken as it stands when the file was read.
    """

    lines: tuple[Line, ...]
    tags: Mapping[str, str] = field(default_factory=dict)
    grid: Grid | None = None
    warnings: tuple[str, ...] = field(default=(), compare=False)

    @property
    def timed(self) -> bool:
        """Whether every line has a time, and there is one."""
        return bool(self.lines) and all(line.start_s is not None for line in self.lines)

    @property
    def singers(self) -> tuple[int, ...]:
        return tuple(sorted({line.singer for line in self.lines}))

    def syllables(self) -> Iterator[Syllable]:
        for line in self.lines:
            yield from line.syllables


def check_time(at_s: float) -> float:
    """`at_s`, which can be a time of a song. Raises ValueError."""
    if not math.isfinite(at_s) or at_s < 0:
        raise ValueError("a time lies before the beginning of the recording")
    if at_s > LONGEST_S:
        raise ValueError(f"a time is later than {LONGEST_S / 3600:.0f} hours")
    return at_s


def words(line: Line) -> list[Word]:
    """The words of a line, without syllables that have no text."""
    found: list[Word] = []
    parts: list[Syllable] = []
    for syllable in line.syllables:
        parts.append(syllable)
        if syllable.text.endswith(" "):
            found.append(_word(parts))
            parts = []
    found += [_word(parts)] if parts else []
    return [word for word in found if word.text]


def _word(parts: Sequence[Syllable]) -> Word:
    text = "".join(part.text for part in parts).strip(" ")
    return Word(text, parts[0].start_s, parts[-1].end_s)


def cleaned(text: str) -> str:
    """Text of one line: control characters are spaces."""
    return _CONTROL.sub(" ", text)


def spaced(texts: Iterable[str], tied: Iterable[bool] | None = None) -> list[str]:
    """Texts of a line's syllables with one space at the end of a word, and none at the ends.

    A tied syllable belongs to the word before it: a space between them goes behind it.
    """
    found: list[str] = []
    last, space = None, False  # the syllable at which the word so far ends; whether it ends
    texts = [re.sub(" +", " ", cleaned(text)) for text in texts]
    for n, (text, held) in enumerate(zip(texts, tied or [False] * len(texts), strict=True)):
        body = text.strip(" ")
        if body and not held:
            if last is not None and (space or text.startswith(" ")):
                found[last] += " "
            space = False
        space |= text.endswith(" ") or (text.startswith(" ") and (held or not body))
        found.append(body)
        if body or (held and last is not None):
            last = n
    return found


def in_order(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Lines by the time at which they begin; those of one time stay as they are."""
    return tuple(sorted(lines, key=lambda line: line.start_s or 0.0))
