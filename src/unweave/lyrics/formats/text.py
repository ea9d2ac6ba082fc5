"""Plain text: a line of the file is a line of the lyrics, without times. Empty lines separate."""

from __future__ import annotations

from unweave.lyrics.holds import Holds, Written, lost
from unweave.lyrics.model import Line, Lyrics, Syllable, spaced
from unweave.lyrics.rows import Budget, rows

SUFFIXES = (".txt", ".text")


def recognises(text: str) -> bool:
    return False


def read(text: str) -> Lyrics:
    budget = Budget()
    lines = []
    for number, row in rows(text):
        if said := spaced([row])[0]:
            budget.take(number, 1)
            lines.append(Line((Syllable(said),)))
    return Lyrics(tuple(lines))


def write(lyrics: Lyrics) -> Written:
    found = "".join(f"{line.text}\n" for line in lyrics.lines if line.text)
    return Written(found, lost(lyrics, {Holds.OVERLAPS}))
