"""Formats of lyrics, a file each: `SUFFIXES`, `recognises(text)`, `read(text)`, `write(lyrics)`.

`read` raises BadRow, which names the line; `write` gives the text and what it does not say, and
raises ValueError where the format cannot hold the lyrics at all. A format's name is its file's.
"""

from __future__ import annotations

from typing import Protocol

from unweave.lyrics.formats import ass, lrc, srt, text, ultrastar
from unweave.lyrics.holds import Written
from unweave.lyrics.model import Lyrics


class Format(Protocol):
    """A module of this package."""

    @property
    def SUFFIXES(self) -> tuple[str, ...]: ...  # noqa: N802

    def recognises(self, text: str, /) -> bool: ...

    def read(self, text: str, /) -> Lyrics: ...

    def write(self, lyrics: Lyrics, /) -> Written: ...


FORMATS: dict[str, Format] = {
    "ass": ass,
    "srt": srt,
    "lrc": lrc,
    "ultrastar": ultrastar,
    "text": text,  # the last: anything is text
}
