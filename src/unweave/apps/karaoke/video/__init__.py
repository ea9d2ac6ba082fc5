"""A karaoke video: MP4 or WebM, words that light up in time over a picture.

`background` and `look` say how the screen looks, `planes` is a picture as encoders take it, `stage`
is the picture at each time, `card` the title, `film` encodes. See "The words on a screen" of the
documentation, docs/karaoke-video.md.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.apps.karaoke.screen import need_pillow
from unweave.errors import UsageError

if TYPE_CHECKING:
    from unweave.apps.karaoke.video.card import Card
    from unweave.lyrics import Lyrics
    from unweave.types import OnProgress, StrPath

SIZE_PX, SIZES_PX = (1920, 1080), (128, 8192)  # the usual, the least and the most
RATE_FPS, RATES_FPS = 30.0, (1, 120)


def write(
    path: StrPath,
    lyrics: Lyrics,
    audio: StrPath,
    *,
    size: tuple[int, int] = SIZE_PX,
    rate_fps: float | Fraction = RATE_FPS,
    background: StrPath | None = None,
    font: StrPath | None = None,
    title: str | None = None,
    artist: str | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Write a video of `lyrics`, whose times are seconds of the sound file `audio`, with its sound.

    path: ends in .mp4 or .webm; it appears when it is whole. size: width and height, even pixels.
    background: a picture, or a colour '#RRGGBB'; without it the cover of `audio`, else a dark
    blue. font: a font file; without it fonts are looked for that have the glyphs. title, artist:
    for the title card, without them those of the lyrics, '' for none. on_progress: gets an
    `unweave.Progress` after each block.

    Returns plain data: `path`, `width`, `height`, `rate_fps`, `frames`, `length_s` (of sound and
    picture), `video` and `audio` (their encoders), `rows`, `title_to_s`, `fonts`, and, a line each,
    `notes` (how the sound differs from that of the file) and `warnings`. Raises InputError for what
    cannot be read, for lyrics without times or words within the sound, and for characters without
    a glyph, which it names; OutputError, UsageError.
    """
    need_pillow()
    from unweave.apps.karaoke.screen.rows import fitted, late
    from unweave.apps.karaoke.screen.text import laid
    from unweave.apps.karaoke.screen.timing import SHORTEST_TITLE_S, timing
    from unweave.apps.karaoke.screen.words import drawable
    from unweave.apps.karaoke.video import background as backgrounds
    from unweave.apps.karaoke.video import card as cards
    from unweave.apps.karaoke.video.film import Film, film_format
    from unweave.apps.karaoke.video.look import look
    from unweave.apps.karaoke.video.stage import Stage
    from unweave.audio.encoders import Sink
    from unweave.audio.reader import Reader
    from unweave.audio.writer import Writer
    from unweave.engine.limits import cores
    from unweave.types import Progress

    path = Path(path)
    size, rate = checked_size(size), checked_rate(rate_fps)
    with Reader(Path(audio)) as reader:
        info = reader.info
        format = film_format(path.suffix, info.sample_rate_hz, info.channels)
        card = _card(lyrics, title, artist)
        drawn = drawable(lyrics, card.texts, Path(font) if font is not None else None)
        words, faces, card = drawn.rows, drawn.faces, card.with_texts(drawn.card)
        screen = look(size, faces, duet=len({row.singer for row in words}) > 1)
        shown = fitted(words, lambda text: laid(text, faces, screen.size_px).width, screen.limit)
        times = timing(shown, title_s=SHORTEST_TITLE_S if any(card.texts) else None)
        picture = backgrounds.background(
            background if background is None else str(background), info.cover, size
        )
        front = cards.draw(card, picture, faces, screen) if times.title_to_s else None
        stage = Stage(picture, times, faces, screen, front)
        films: list[Film] = []

        def encoder(sink: Sink) -> Film:
            tags = {"title": card.title, "artist": card.artist}
            film = Film(
                *(sink, format, size, rate, info.channels, info.layout, stage.at),
                tags={name: text for name, text in tags.items() if text},
                threads=cores(),
            )
            films.append(film)
            return film

        with Writer(
            path, format.audio, info.sample_rate_hz, info.channels, encoder=encoder
        ) as writer:
            for block in reader.blocks(info.sample_rate_hz):
                writer.write(block)
                if on_progress is not None:
                    done_s = writer.samples / info.sample_rate_hz
                    on_progress(Progress(done_s, info.duration_s))
            length_s = writer.samples / info.sample_rate_hz
            said = late(words, length_s)
    return {
        "path": str(path),
        "width": size[0],
        "height": size[1],
        "rate_fps": float(rate),
        "frames": films[0].frames,
        "length_s": length_s,
        "video": format.video,
        "audio": "aac" if format.audio.format == "m4a" else "libopus",
        "rows": len(shown),
        "title_to_s": times.title_to_s,
        "fonts": [face.name for face in faces],
        "notes": list(format.audio.notes),
        "warnings": [*reader.warnings, *drawn.warnings, *said],
    }


def checked_size(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of a video. Raises UsageError for what no video has."""
    least, most = SIZES_PX
    if len(size) != 2 or any(side not in range(least, most + 1, 2) for side in size):
        raise UsageError(
            f"no video has the size {'x'.join(map(str, size))}; width and height are even numbers "
            f"from {least} to {most}, as in 1920x1080"
        )
    return size


def checked_rate(rate_fps: float | Fraction) -> Fraction:
    """As a fraction that clocks can count: 29.97 is 30000/1001. Raises UsageError."""
    least, most = RATES_FPS
    if not least <= rate_fps <= most:
        raise UsageError(f"a video has {least} to {most} frames a second, not {rate_fps!r}")
    rate = Fraction(rate_fps).limit_denominator(1001)
    ntsc = Fraction(round(rate_fps) * 1000, 1001)
    return ntsc if rate.denominator > 1 and abs(rate - ntsc) < Fraction(1, 100) else rate


def _card(lyrics: Lyrics, title: str | None, artist: str | None) -> Card:
    from unweave.apps.karaoke.video.card import Card

    singers = [(n, lyrics.tags.get(f"p{n}", "")) for n in lyrics.singers if n]
    return Card(
        lyrics.tags.get("title", "") if title is None else title,
        lyrics.tags.get("artist", "") if artist is None else artist,
        tuple((n, name) for n, name in singers if name) if len(lyrics.singers) > 1 else (),
    )
