"""CD+G: the graphics of karaoke discs, in a file `.cdg` beside an MP3.

`packets` has the format's instructions, `drawing` makes tiles of rows, `stream` puts everything
into the 300 packets that there are a second.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.apps.karaoke.screen import need_pillow
from unweave.errors import UsageError

if TYPE_CHECKING:
    from unweave.lyrics import Lyrics
    from unweave.types import StrPath

LONGEST_S = 100 * 3600.0


def write(
    path: StrPath,
    lyrics: Lyrics,
    length_s: float,
    *,
    title: str | None = None,
    artist: str | None = None,
    font: StrPath | None = None,
) -> dict[str, Any]:
    """Write a `.cdg` of `length_s` seconds; it appears when it is whole.

    title, artist: for the title card, without them those of the lyrics, '' for none. font: a font
    file; without it fonts are looked for that have the glyphs.

    Returns plain data: `path`, `packets`, `length_s`, `rows`, `title_to_s`, `fonts`, and
    `warnings`, a line each. Raises InputError for lyrics without times or words within the length,
    and for characters without a glyph, which it names; OutputError, UsageError.
    """
    need_pillow()
    from unweave.apps.karaoke.cdg import drawing, packets
    from unweave.apps.karaoke.cdg.stream import card_packets, stream
    from unweave.apps.karaoke.screen.rows import fitted, late
    from unweave.apps.karaoke.screen.text import laid
    from unweave.apps.karaoke.screen.timing import SHORTEST_TITLE_S, timing
    from unweave.apps.karaoke.screen.words import drawable
    from unweave.core.files import atomic_write

    path = Path(path)
    if not 0 < length_s <= LONGEST_S:
        raise UsageError(f"a song is not {length_s!r} s long")
    texts = [
        lyrics.tags.get("title", "") if title is None else title,
        lyrics.tags.get("artist", "") if artist is None else artist,
    ]
    drawn = drawable(lyrics, texts, Path(font) if font is not None else None)
    words, faces = drawn.rows, drawn.faces
    warnings = [*drawn.warnings, *late(words, length_s)]
    card = card_packets(drawn.card, faces)

    def width(text: str) -> float:
        return laid(text, faces, drawing.SIZE_PX).width

    shown = fitted(words, width, drawing.WIDTH)
    # It takes a while until a card is drawn.
    card_s = SHORTEST_TITLE_S + len(card) / packets.RATE_HZ
    times = timing(shown, title_s=card_s if card else None)
    count = math.ceil(length_s * packets.RATE_HZ)
    count += -count % packets.SECTOR
    atomic_write(path, stream(times, card, faces, count))
    return {
        "path": str(path),
        "packets": count,
        "length_s": count / packets.RATE_HZ,
        "rows": len(shown),
        "title_to_s": times.title_to_s,
        "fonts": [face.name for face in faces],
        "warnings": warnings,
    }


def zipped(path: StrPath, cdg: StrPath, mp3: StrPath, *, name: str | None = None) -> dict[str, Any]:
    """Write a ZIP of a `.cdg` and its `.mp3`, both called `name`, as players take it.

    name: without an extension; None for that of the ZIP.

    Returns plain data: `path` and `files`. Raises InputError for a file that cannot be read,
    UsageError for files of other kinds, OutputError.
    """
    from unweave.core.files import shown
    from unweave.exports.archive import write_zip

    path = Path(path)
    entries: dict[str, bytes | Path] = {}
    for suffix, file in ((".mp3", Path(mp3)), (".cdg", Path(cdg))):
        if file.suffix.lower() != suffix:
            raise UsageError(f"{shown(file)}: a ZIP for players has a .cdg and an .mp3")
        entries[(name or path.stem) + suffix] = file
    write_zip(path, entries)
    return {"path": str(path), "files": list(entries)}
