"""Plain text: a line of the file is a line of the lyrics, without times. Empty lines separate."""

from __future__ import annotations

from unweave.lyrics.holds import Holds, Written, lost
from unweave.lyrics.model import Line, Lyrics, Syllable, spaced
from unweave.lyrics.rows import rows

SUFFIXES = (".txt", ".text")


def recognises(text: str) -> bool:
    return False


def read(text: str) -> Lyrics:
    found = (spaced([row])[0] for _, row in rows(text))
    return Lyrics(tuple(Line((Syllable(each),)) for each in found if each))


def write(lyrics: Lyrics) -> Written:
    found = "".join(f"{line.text}\n" for line in lyrics.lines if line.text)
    return Written(found, lost(lyrics, {Holds.OVERLAPS}))
