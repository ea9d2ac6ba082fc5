"""The words of a song and of its title card as they can be drawn here, and the fonts for them.

Pictures among the letters (emoji, notes, hearts) that no font has are left out, with a warning: a
song can be sung without them. A letter that no font has is an error.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from unweave.apps.karaoke.screen.fonts import Face, chosen, clusters, lacking, listed
from unweave.apps.karaoke.screen.rows import Row, rows
from unweave.lyrics import Line, Lyrics


@dataclass(frozen=True, slots=True)
class Words:
    """card: the texts of the title card. warnings: a line each."""

    rows: tuple[Row, ...]
    card: tuple[str, ...]
    faces: tuple[Face, ...]
    warnings: tuple[str, ...] = ()


def drawable(lyrics: Lyrics, card: Sequence[str], font: Path | None = None) -> Words:
    """What can be drawn of `lyrics` and of the texts of a `card`. font: the only one to take.

    Raises InputError for lyrics without words or times, and for letters without a glyph, which it
    names; UsageError where Pillow cannot shape them.
    """
    found = rows(lyrics)
    texts = [*(row.text for row in found), *card]
    faces = chosen(texts, font)
    gone = lacking(texts, faces)
    if not gone:
        return Words(tuple(found), tuple(card), faces)
    left = replace(lyrics, lines=tuple(_line_without(line, gone) for line in lyrics.lines))
    said = (
        f"no font here has a glyph for {listed(gone)}: left out; install a font with outlines for "
        "it, or give one with --font"
    )
    return Words(tuple(rows(left)), tuple(_without(each, gone) for each in card), faces, (said,))


def _line_without(line: Line, gone: Collection[str]) -> Line:
    syllables = tuple(replace(each, text=_without(each.text, gone)) for each in line.syllables)
    return replace(line, syllables=syllables)


def _without(text: str, gone: Collection[str]) -> str:
    """A digit whose key cap is gone stays."""
    return "".join(
        cluster if cluster not in gone else cluster[0] if cluster[0].isalnum() else ""
        for cluster in clusters(text)
    )
