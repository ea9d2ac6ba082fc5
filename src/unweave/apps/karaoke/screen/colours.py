"""The colours of what is sung: of each singer, told apart by their brightness too."""

from __future__ import annotations

from unweave.lyrics.model import BOTH

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
_SINGERS: dict[int, Colour] = {1: (41, 171, 255), 2: (255, 145, 0), BOTH: (124, 220, 60)}
_MORE: tuple[Colour, ...] = ((240, 98, 200), (255, 225, 60), (0, 200, 170))  # over again
_SHADE = 0.45  # of a colour in the light shade of it


def lit(singer: int) -> Colour:
    """Of what has been sung."""
    return _SINGERS.get(singer) or _MORE[(singer - 3) % len(_MORE)]


def unlit(singer: int, *, duet: bool) -> Colour:
    """White, or in a duet a light shade of the singer's colour."""
    red, green, blue = lit(singer)
    return (_light(red), _light(green), _light(blue)) if duet else WHITE


def _light(value: int) -> int:
    return round(255 - _SHADE * (255 - value))
