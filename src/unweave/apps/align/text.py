"""Lyrics as they are laid: lines with their syllables, and where stanzas begin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from unweave.apps.align.syllables import count, english
from unweave.core.files import shown
from unweave.errors import InputError
from unweave.lyrics.files import format_of, read, text_of
from unweave.lyrics.model import spaced
from unweave.lyrics.rows import rows

_HEADING = re.compile(r"\[[^\[\]]*\]:?")  # as in [Chorus]


@dataclass(frozen=True, slots=True)
class Verse:
    """A line of the text. stanza: whether it begins one."""

    text: str
    syllables: int
    stanza: bool = False


def verses(path: Path, encoding: str | None = None) -> tuple[list[Verse], dict[str, str]]:
    """The lines of a file of lyrics, of any format, and its tags. Raises InputError."""
    text, _ = text_of(path, encoding)
    if format_of(path, text) != "text":
        found = read(path, encoding=encoding)
        lines, tags = [line.text for line in found.lines], dict(found.tags)
    else:
        try:
            lines, tags = [row for _, row in rows(text)], {}
        except ValueError as error:
            raise InputError(f"{shown(path)}: {shown(str(error))}") from error
    kept = of_lines(lines)
    if not kept:
        raise InputError(f"{shown(path)}: no words are in it; give the lyrics of the song")
    return kept, tags


def of_lines(lines: list[str]) -> list[Verse]:
    """Lines of text; those that are empty or a heading in `[]` are between stanzas."""
    rule = english(" ".join(lines))
    found: list[Verse] = []
    stanza = True
    for line in lines:
        [said] = spaced([line])
        syllables = count(said, english=rule)
        if not said or _HEADING.fullmatch(said):
            stanza = True
        elif syllables:
            found.append(Verse(said, syllables, stanza))
            stanza = False
    return found
