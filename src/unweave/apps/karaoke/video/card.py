"""The title card: what is sung, by whom, and in a duet in which colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PIL import Image, ImageDraw

from unweave.apps.karaoke.screen.colours import WHITE, Colour, lit
from unweave.apps.karaoke.screen.fonts import Face
from unweave.apps.karaoke.screen.rows import cut_into_lines
from unweave.apps.karaoke.screen.text import Laid, laid
from unweave.apps.karaoke.video.look import OUTLINE, SAFE, Look
from unweave.apps.karaoke.video.stage import fitted

_TITLE, _ARTIST, _NAME = 1.4, 0.9, 0.7  # of the size of the words
_PITCH = 1.15  # of a line's height, to the one below it


@dataclass(frozen=True, slots=True)
class Card:
    """Texts; `singers` has numbers and names, where there are several."""

    title: str = ""
    artist: str = ""
    singers: tuple[tuple[int, str], ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.title, self.artist, *(name for _, name in self.singers))

    def with_texts(self, texts: Sequence[str]) -> Card:
        """The same card with other texts, in the order of `texts`."""
        title, artist, *names = texts
        numbers = [number for number, _ in self.singers]
        return Card(title, artist, tuple(zip(numbers, names, strict=True)))


def draw(card: Card, background: Image.Image, faces: Sequence[Face], look: Look) -> Image.Image:
    """A picture of the card; long texts take several lines, or are made smaller."""
    lines: list[tuple[str, float, Colour]] = []
    for text, share in ((card.title, _TITLE), (card.artist, _ARTIST)):
        width = partial(_width, faces=faces, size_px=round(share * look.size_px))
        cut = [line for line in cut_into_lines(text, width, look.limit) if line]
        less = min(1.0, look.limit / max(map(width, cut), default=1.0))  # for all of its lines
        lines += [(line, less * share, WHITE) for line in cut]
    lines += [(name, _NAME, lit(singer)) for singer, name in card.singers]
    made = [(fitted(line, faces, look, share), fill) for line, share, fill in lines]
    total = sum(_height(text) for text, _ in made)
    if total > SAFE * look.height:
        less = SAFE * look.height / total
        made = [(fitted(line, faces, look, less * share), fill) for line, share, fill in lines]
    picture = background.copy()
    onto = ImageDraw.Draw(picture)
    y = (look.height - sum(_height(text) for text, _ in made)) / 2
    for laid_out, fill in made:
        x = (look.width - laid_out.width) / 2
        baseline = y + laid_out.ascent
        laid_out.draw(onto, x, baseline, fill, stroke_px=look.stroke_px, stroke_fill=OUTLINE)
        y += _height(laid_out)
    return picture


def _width(text: str, faces: Sequence[Face], size_px: int) -> float:
    return laid(text, faces, size_px).width


def _height(text: Laid) -> float:
    return _PITCH * (text.ascent + text.descent)
