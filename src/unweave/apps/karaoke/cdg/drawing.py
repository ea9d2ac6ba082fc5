"""Rows as tiles: the packets that draw one, and those that light it up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from unweave.apps.karaoke.cdg import packets
from unweave.apps.karaoke.cdg.packets import COLUMNS, TILE_HEIGHT, TILE_WIDTH
from unweave.apps.karaoke.screen.bidi import is_rtl
from unweave.apps.karaoke.screen.fonts import Face
from unweave.apps.karaoke.screen.pieces import Piece, pieces
from unweave.apps.karaoke.screen.rows import Row
from unweave.apps.karaoke.screen.text import Laid, laid
from unweave.apps.karaoke.screen.timing import COUNT_S, Shown

# The outermost tiles are the border, which players may hide.
LEFT, WIDTH = TILE_WIDTH, (COLUMNS - 2) * TILE_WIDTH
PLACE = 4  # tiles from a place to the one below: one for the countdown, three for words
TOP = 1
HEIGHT = 3 * TILE_HEIGHT
SIZE_PX = 20
LIT = 8  # XOR of the colours of what has been sung and what has not
_STEPS = (2, 3, 6)  # columns that light up together; they do not cross the edges of tiles
_SHARE_HZ = 90  # packets a second that a row may take to light up, if it is not in steps of a tile
_DOT = (0, 0, 0, 12, 30, 63, 63, 63, 63, 30, 12, 0)

Ink = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Change:
    """Packets that belong together and are due at a time."""

    at_s: float
    packets: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A row in its place. ink: `(HEIGHT, COLUMNS * TILE_WIDTH)`."""

    shown: Shown
    ink: Ink
    pieces: tuple[Piece, ...]
    rtl: bool

    @property
    def tile_row(self) -> int:
        """The highest of its tiles."""
        return TOP + self.shown.place * PLACE + 1


def line(text: str, faces: Sequence[Face]) -> tuple[Ink, Laid, float]:
    """A text as pixels, in the middle: ink, layout, and the x of its left end."""
    size_px = SIZE_PX
    made = laid(text, faces, size_px)
    while size_px > 1 and (made.width > WIDTH or made.ascent + made.descent > HEIGHT):
        size_px -= 1
        made = laid(text, faces, size_px)
    x = round((COLUMNS * TILE_WIDTH - made.width) / 2)
    tall = made.ascent + made.descent
    # In the lower two tiles where it fits: fewer packets.
    room = 2 * TILE_HEIGHT if tall <= 2 * TILE_HEIGHT else HEIGHT
    baseline = HEIGHT - room + (room - tall) // 2 + made.ascent
    picture = Image.new("L", (COLUMNS * TILE_WIDTH, HEIGHT))
    onto = ImageDraw.Draw(picture)
    onto.fontmode = "1"
    made.draw(onto, x, baseline, 255)
    ink = np.asarray(picture) > 127
    ink[:, :LEFT] = ink[:, LEFT + WIDTH :] = False
    return ink, made, x


def row(shown: Shown, faces: Sequence[Face]) -> Drawn:
    ink, text, x = line(shown.row.text, faces)
    found = pieces(shown.row, text, x, np.asarray(ink.any(axis=0)))
    return Drawn(shown, ink, tuple(found), is_rtl(shown.row.text))


def tiles(
    ink: Ink, tile_row: int, colour: int, *, over: Ink | None = None, rtl: bool = False
) -> tuple[bytes, ...]:
    """Packets that draw `ink`, in the order in which it is read.

    over: what is there before; None for nothing.
    """
    made = []
    columns = range(COLUMNS)
    for column in reversed(columns) if rtl else columns:
        for n in range(ink.shape[0] // TILE_HEIGHT):
            block = _block(ink, n, column)
            if block.any() or (over is not None and _block(over, n, column).any()):
                made.append(packets.tile(tile_row + n, column, (0, colour), _bits(block)))
    return tuple(made)


def lights(drawn: Drawn) -> list[Change]:
    """What lights a row up, in the order of time: in steps as fine as there is room for."""
    length_s = max(drawn.shown.row.end_s - drawn.shown.row.start_s, 0.1)
    steps = _STEPS[-1:] if drawn.shown.row.at_once else _STEPS
    for step in steps:
        made = [change for piece in drawn.pieces for change in _light(drawn, piece, step)]
        if sum(len(change.packets) for change in made) <= _SHARE_HZ * length_s:
            break
    return sorted(made, key=lambda change: change.at_s)


def countdown(shown: Shown, drawn: Drawn, colour: int) -> list[Change]:
    """A dot above the row for each second that is left."""
    if not shown.counted:
        return []
    begin_s = max(shown.from_s, shown.row.start_s - COUNT_S)
    count = shown.count(begin_s)
    used = np.flatnonzero(drawn.ink.any(axis=0))
    edge = int(used[-1] if drawn.rtl else used[0]) // TILE_WIDTH if len(used) else 1
    sign = -1 if drawn.rtl else 1
    places = [edge + 2 * n * sign for n in range(count)]
    above = drawn.tile_row - 1
    dots = [packets.tile(above, place, (0, colour), _DOT) for place in places]
    gone = [packets.tile(above, place, (0, 0), [0] * TILE_HEIGHT) for place in places]
    return [
        *([Change(begin_s, tuple(dots))] if dots else []),
        *(Change(shown.row.start_s - n, (gone[n],)) for n in reversed(range(count))),
    ]


def _light(drawn: Drawn, piece: Piece, step: int) -> Iterator[Change]:
    """A piece in steps that end where columns of tiles do."""
    edges = list(range(piece.left // step * step, piece.right, step))
    row: Row = drawn.shown.row
    for edge in reversed(edges) if piece.rtl else edges:
        left, right = max(edge, piece.left), min(edge + step, piece.right)
        lit = np.zeros_like(drawn.ink)
        lit[:, left:right] = drawn.ink[:, left:right]
        passed = piece.right - right if piece.rtl else left - piece.left
        share = 0.0 if row.at_once else passed / piece.width
        made = tuple(
            packets.xor_tile(drawn.tile_row + n, edge // TILE_WIDTH, LIT, _bits(block))
            for n in range(drawn.ink.shape[0] // TILE_HEIGHT)
            if (block := _block(lit, n, edge // TILE_WIDTH)).any()
        )
        if made:
            yield Change(piece.from_s + share * (piece.to_s - piece.from_s), made)


def _block(ink: Ink, n: int, column: int) -> Ink:
    """A tile of a row."""
    return ink[
        n * TILE_HEIGHT : (n + 1) * TILE_HEIGHT, column * TILE_WIDTH : (column + 1) * TILE_WIDTH
    ]


def _bits(block: Ink) -> list[int]:
    weights = 1 << np.arange(TILE_WIDTH)[::-1]
    return [int(each) for each in block @ weights]
