"""The picture at each time, as time goes forward; only what changes is drawn.

Each row is drawn twice when it appears, unlit and lit. From then on columns of the lit one are put
over the unlit one.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import av
import numpy as np
from PIL import Image, ImageDraw

from unweave.apps.karaoke.screen.bidi import is_rtl
from unweave.apps.karaoke.screen.colours import lit, unlit
from unweave.apps.karaoke.screen.fonts import Face
from unweave.apps.karaoke.screen.pieces import Piece, pieces
from unweave.apps.karaoke.screen.text import Laid, laid
from unweave.apps.karaoke.screen.timing import COUNT_S, Shown, Timing
from unweave.apps.karaoke.video.look import OUTLINE, Look
from unweave.apps.karaoke.video.planes import Planes, planes

_TEXT = 0.8  # of a place's height; above it is the countdown
_NIB = 1 / 12  # of the font's size: the least that lights up, so that it is seen at once
_SMOOTH = 4  # times as large are dots drawn, and made smaller


class Stage:
    """`at(time_s)` is the picture then; times must not go back.

    card: what is shown before the first rows, if anything.
    """

    def __init__(
        self,
        background: Image.Image,
        timing: Timing,
        faces: Sequence[Face],
        look: Look,
        card: Image.Image | None,
    ) -> None:
        self._background = background
        self._empty = planes(background)
        self._canvas = self._empty.copy()
        self._faces, self._look = faces, look
        self._coming = deque(each for each in timing.shown if each.to_s > each.from_s)
        self._there: list[_Row] = []
        self._frame: av.VideoFrame | None = None
        self._card_to_s = timing.title_to_s if card else 0.0
        if card:
            self._canvas.paste(planes(card), 0, 0)

    def at(self, time_s: float) -> av.VideoFrame:
        """The same object as before where nothing has changed."""
        changed = self._frame is None
        if self._card_to_s and time_s >= self._card_to_s:
            self._canvas.paste(self._empty, 0, 0)
            self._card_to_s, changed = 0.0, True
        for row in [row for row in self._there if time_s >= row.shown.to_s]:
            row.remove(self._canvas)
            self._there.remove(row)
            changed = True
        while self._coming and self._coming[0].from_s <= time_s:
            shown = self._coming.popleft()
            if time_s < shown.to_s:
                self._there.append(
                    _Row(shown, self._background, self._empty, self._faces, self._look)
                )
        for row in self._there:
            changed |= row.advance(self._canvas, time_s)
        if changed or self._frame is None:
            self._frame = self._canvas.frame()
        return self._frame


class _Row:
    """A row on the screen, and its countdown."""

    def __init__(
        self,
        shown: Shown,
        background: Image.Image,
        empty: Planes,
        faces: Sequence[Face],
        look: Look,
    ) -> None:
        self.shown = shown
        self._look = look
        text = fitted(shown.row.text, faces, look)
        top = look.top + shown.place * look.pitch
        self._y = _even(top + (1 - _TEXT) * look.pitch)
        height = _even(top + look.pitch) - self._y
        pad = look.stroke_px + 2
        left = (look.width - text.width) / 2
        self._x = max(0, 2 * math.floor((left - pad) / 2))
        width = min(look.width - self._x, 2 * math.ceil((left + text.width + pad - self._x) / 2))
        box = (self._x, self._y, self._x + width, self._y + height)
        baseline = (height - text.ascent - text.descent) / 2 + text.ascent
        drawn = [
            _drawn(background.crop(box), text, left - self._x, baseline, fill, look)
            for fill in (unlit(shown.row.singer, duet=look.duet), lit(shown.row.singer))
        ]
        self._unlit, self._lit = map(planes, drawn)
        self._below = empty.part(self._x, self._y, width, height)
        ink = np.any(np.asarray(drawn[0]) != np.asarray(drawn[1]), axis=(0, 2))
        self._pieces = pieces(shown.row, text, left - self._x, ink)
        self._done = [0] * len(self._pieces)
        self._nib = max(2, round(_NIB * look.size_px))
        self._dots = _Dots(shown, background, self._x + pad, text.width, look)
        self._new = True

    def advance(self, canvas: Planes, time_s: float) -> bool:
        """Bring the row up to a time; whether anything changed."""
        changed = self._new
        if self._new:
            canvas.paste(self._unlit, self._x, self._y)
            self._new = False
        for n, piece in enumerate(self._pieces):
            wanted = _wanted(piece, time_s, self._nib, self.shown.row.at_once)
            if wanted > self._done[n]:
                canvas.paste(self._lit, self._x, self._y, *piece.ends(wanted))
                self._done[n], changed = wanted, True
        return self._dots.advance(canvas, time_s) or changed

    def remove(self, canvas: Planes) -> None:
        canvas.paste(self._below, self._x, self._y)
        self._dots.remove(canvas)


class _Dots:
    """The countdown above the beginning of a row: a dot for each second that is left."""

    def __init__(
        self, shown: Shown, background: Image.Image, left: int, width: float, look: Look
    ) -> None:
        self._shown = shown
        self._count = 0
        if not shown.counted:
            return
        self._y = _even(look.top + shown.place * look.pitch)
        height = 2 * int((1 - _TEXT) * look.pitch / 2)
        step = round(1.2 * height)
        whole = _even(step * COUNT_S)
        self._rtl = is_rtl(shown.row.text)
        x = left + width - whole if self._rtl else left
        self._x = _even(min(max(0, x), look.width - whole))
        self._pictures: list[Planes] = []
        box = (self._x, self._y, self._x + whole, self._y + height)
        for count in range(int(COUNT_S) + 1):
            picture = background.crop(box)
            for n in range(count):
                at = whole - (n + 1) * step if self._rtl else n * step
                _dot(picture, at, step, height, shown.row.singer)
            self._pictures.append(planes(picture))

    def advance(self, canvas: Planes, time_s: float) -> bool:
        count = self._shown.count(time_s)
        changed = count != self._count
        if changed:
            canvas.paste(self._pictures[count], self._x, self._y)
            self._count = count
        return changed

    def remove(self, canvas: Planes) -> None:
        if self._count:
            canvas.paste(self._pictures[0], self._x, self._y)


def fitted(text: str, faces: Sequence[Face], look: Look, share: float = 1.0) -> Laid:
    """A line at `share` of the usual size, or smaller where it is too wide."""
    size_px = round(share * look.size_px)
    made = laid(text, faces, size_px)
    while made.width > look.limit and size_px > 1:
        size_px = min(size_px - 1, int(size_px * look.limit / made.width))
        made = laid(text, faces, max(1, size_px))
    return made


def _wanted(piece: Piece, time_s: float, nib: int, at_once: bool) -> int:
    """How many columns of a piece are lit at a time."""
    if time_s <= piece.from_s:
        return 0
    if at_once or time_s >= piece.to_s:
        return piece.width
    share = (time_s - piece.from_s) / (piece.to_s - piece.from_s)
    return min(piece.width, max(nib, math.ceil(share * piece.width)))


def _drawn(
    picture: Image.Image, text: Laid, x: float, baseline: float, fill: object, look: Look
) -> Image.Image:
    text.draw(
        ImageDraw.Draw(picture),
        x,
        baseline,
        fill,
        stroke_px=look.stroke_px,
        stroke_fill=OUTLINE,
    )
    return picture


def _dot(picture: Image.Image, x: int, step: int, height: int, singer: int) -> None:
    mask = Image.new("L", (_SMOOTH * step, _SMOOTH * height))
    size = 0.7 * height
    box = ((step - size) / 2, (height - size) / 2, (step + size) / 2, (height + size) / 2)
    ImageDraw.Draw(mask).ellipse([_SMOOTH * edge for edge in box], fill=255)
    picture.paste(lit(singer), (x, 0), mask.resize((step, height), Image.Resampling.BOX))


def _even(value: float) -> int:
    return 2 * math.floor(value / 2)
