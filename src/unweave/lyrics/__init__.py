"""Timed lyrics and their files: LRC, enhanced LRC, UltraStar, ASS, SubRip, plain text.

`read(path)` gives `Lyrics`, whatever the format; `write(lyrics, path)` writes them in the format of
the path and returns what that does not say of them. All else are pure functions.
"""

from __future__ import annotations

from unweave.lyrics.change import by_lines, shifted
from unweave.lyrics.files import read, write
from unweave.lyrics.formats import FORMATS
from unweave.lyrics.model import BOTH, Kind, Line, Lyrics, Note, Syllable, Word, words
from unweave.lyrics.summary import summary

__all__ = [
    "BOTH",
    "FORMATS",
    "Kind",
    "Line",
    "Lyrics",
    "Note",
    "Syllable",
    "Word",
    "by_lines",
    "read",
    "shifted",
    "summary",
    "words",
    "write",
]
