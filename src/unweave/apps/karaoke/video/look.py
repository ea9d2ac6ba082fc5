"""Sizes and places on a screen.

Nothing is drawn outside the title-safe area, the inner 90 % of width and height (SMPTE ST 2046-1),
which no television cuts off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unweave.apps.karaoke.screen.fonts import Face
from unweave.apps.karaoke.screen.timing import PLACES

SAFE = 0.9
OUTLINE = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Look:
    """Pixels. size_px: of the font, to the em; pitch: from one place to the one below it; top: of
    the first place; limit: the widest that a row can be."""

    width: int
    height: int
    size_px: int
    pitch: int
    top: int
    limit: int
    duet: bool

    @property
    def stroke_px(self) -> int:
        return max(1, round(self.size_px / 14))


def look(size: tuple[int, int], faces: Sequence[Face], *, duet: bool) -> Look:
    """For a screen of `size` (width, height)."""
    width, height = size
    wanted = min(0.085 * height, 0.055 * width)
    pitch = _even(2 * wanted)
    # Fonts of some scripts are very tall.
    tall = max(sum(face.at(100).getmetrics()) / 100 for face in faces)
    size_px = max(6, round(min(wanted, 0.8 * pitch / tall)))
    stroke_px = round(size_px / 14)
    limit = int(SAFE * width) - 2 * stroke_px - 4
    return Look(width, height, size_px, pitch, _even((height - PLACES * pitch) / 2), limit, duet)


def _even(value: float) -> int:
    return 2 * round(value / 2)
