"""The columns of pixels of a drawn row that light up one after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unweave.apps.karaoke.screen.rows import Row
from unweave.apps.karaoke.screen.text import Laid


@dataclass(frozen=True, slots=True)
class Piece:
    """Columns `[left, right)` light up from `from_s` to `to_s`; `rtl`: from right to left."""

    left: int
    right: int
    rtl: bool
    from_s: float
    to_s: float

    @property
    def width(self) -> int:
        return self.right - self.left

    def ends(self, columns: int) -> tuple[int, int]:
        """Where the first so many columns lie that light up."""
        if self.rtl:
            return self.right - columns, self.right
        return self.left, self.left + columns


def pieces(row: Row, text: Laid, x: float, ink: npt.NDArray[np.bool_]) -> list[Piece]:
    """Of a row that was drawn with its left end at `x`; `ink`: whether a column has any.

    Pieces begin and end with ink, so that they are seen to change at their times.
    """
    places = np.flatnonzero(ink)
    found: list[tuple[float, float, bool, float, float]] = []
    for span in row.spans:
        columns = text.columns(span.start, span.end)
        total = sum(each.right - each.left for each in columns) or 1.0
        at_s = span.from_s
        for each in columns:
            to_s = at_s + (span.to_s - span.from_s) * (each.right - each.left) / total
            found.append((x + each.left, x + each.right, each.rtl, at_s, to_s))
            at_s = to_s
    # Ink beyond the width of the first and of the last letter belongs to them.
    lowest = min((left for left, *_ in found), default=0.0)
    highest = max((right for _, right, *_ in found), default=0.0)
    made = []
    for left, right, rtl, from_s, to_s in found:
        first = 0 if left == lowest else round(left)
        last = len(ink) if right == highest else round(right)
        inside = places[(places >= first) & (places < last)]
        if len(inside):
            made.append(Piece(int(inside[0]), int(inside[-1]) + 1, rtl, from_s, to_s))
    return made
