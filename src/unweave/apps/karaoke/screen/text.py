"""One line of text: laid out in runs of one direction and one font, measured and drawn by Pillow.

Runs are shaped by raqm (HarfBuzz), so that letters join and signs combine. Where a part of a run
begins is the length of what comes before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from PIL import ImageDraw, ImageFont, features

from unweave.apps.karaoke.screen.bidi import visual
from unweave.apps.karaoke.screen.fonts import Face, clusters

_JOINER = "\u200d"  # what stands before it keeps the shape that it has inside a word


@dataclass(frozen=True, slots=True)
class Run:
    """`text` is a part of a line from its character `start` on; `x` and `width` in pixels."""

    text: str
    start: int
    rtl: bool
    font: ImageFont.FreeTypeFont
    x: float
    width: float

    def place(self, n: int) -> float:
        """Where its character `n` begins, seen in its direction, pixels from the line's left."""
        before = self.text[:n]
        if n <= 0:
            length = 0.0
        elif n >= len(self.text):
            length = self.width
        else:
            joined = before + _JOINER if self.rtl else before
            length = min(self.font.getlength(joined, **_options(self.rtl)), self.width)
        return self.x + (self.width - length if self.rtl else length)


@dataclass(frozen=True, slots=True)
class Columns:
    """Pixels `[left, right)` from the line's left; `rtl`: they are sung from right to left."""

    left: float
    right: float
    rtl: bool


@dataclass(frozen=True, slots=True)
class Laid:
    """A line laid out. Pixels; `ascent` and `descent` from the baseline, both positive."""

    runs: tuple[Run, ...]
    width: float
    ascent: int
    descent: int

    def columns(self, start: int, end: int) -> list[Columns]:
        """What the characters `[start, end)` take, in the order of the text."""
        found = []
        for run in sorted(self.runs, key=lambda run: run.start):
            first, last = max(start - run.start, 0), min(end - run.start, len(run.text))
            if first < last:
                left, right = sorted((run.place(first), run.place(last)))
                found.append(Columns(left, right, run.rtl))
        return found

    def draw(
        self,
        onto: ImageDraw.ImageDraw,
        x: float,
        baseline: float,
        fill: Any,
        *,
        stroke_px: int = 0,
        stroke_fill: Any = None,
    ) -> None:
        """Draw it with its left end at `x`. The outline of a run lies below all fills."""
        if stroke_px:
            for run in self.runs:
                self._draw(onto, run, x, baseline, stroke_fill, stroke_px)
        for run in self.runs:
            self._draw(onto, run, x, baseline, fill, 0)

    @staticmethod
    def _draw(
        onto: ImageDraw.ImageDraw, run: Run, x: float, baseline: float, fill: Any, stroke_px: int
    ) -> None:
        onto.text(
            (x + run.x, baseline),
            run.text,
            fill=fill,
            font=run.font,
            anchor="ls",
            stroke_width=stroke_px,
            **_options(run.rtl),
        )


def laid(text: str, faces: Sequence[Face], size_px: int) -> Laid:
    """Lay out one line. `faces` have every glyph of it, as `fonts.chosen` gives them."""
    runs: list[Run] = []
    x = 0.0
    for part in visual(text):
        pieces = _by_face(text, part.start, part.end, faces)
        for start, end, face in reversed(pieces) if part.rtl else pieces:
            font = face.at(size_px)
            width = font.getlength(text[start:end], **_options(part.rtl))
            runs.append(Run(text[start:end], start, part.rtl, font, x, width))
            x += width
    metrics = [run.font.getmetrics() for run in runs] or [faces[0].at(size_px).getmetrics()]
    ascent, descent = max(a for a, _ in metrics), max(d for _, d in metrics)
    return Laid(tuple(runs), x, ascent, descent)


def _by_face(text: str, start: int, end: int, faces: Sequence[Face]) -> list[tuple[int, int, Face]]:
    """Stretches of one font: a letter stays with the font before it if that has it."""
    found: list[tuple[int, int, Face]] = []
    for cluster in clusters(text[start:end]):
        at = found[-1][2] if found else None
        face = at if at and at.has(cluster) else _face(cluster, faces)
        if found and face is at:
            found[-1] = (found[-1][0], start + len(cluster), face)
        else:
            found.append((start, start + len(cluster), face))
        start += len(cluster)
    return found


def _face(cluster: str, faces: Sequence[Face]) -> Face:
    return next((face for face in faces if face.has(cluster)), faces[0])


def _options(rtl: bool) -> dict[str, Any]:
    return {"direction": "rtl" if rtl else "ltr"} if _has_raqm() else {}


@cache
def _has_raqm() -> bool:
    return bool(features.check("raqm"))
