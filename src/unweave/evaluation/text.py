"""Values and words as text: for people, Markdown and LaTeX."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

Cell = float | int | str | None
ABSENT = "–"


def shown(value: Cell, decimals: int | None = 2, minus: str = "−") -> str:
    """A value as text: fixed decimals, a real minus sign, a dash where there is nothing."""
    if value is None or value != value:
        return ABSENT
    if isinstance(value, str):
        return value
    if math.isinf(value):
        return "∞" if value > 0 else f"{minus}∞"
    if isinstance(value, int):
        return str(value).replace("-", minus)
    text = significant(value) if decimals is None else f"{value:.{decimals}f}"
    return (text if float(text) else text.lstrip("-")).replace("-", minus)  # no negative zero


def significant(value: float) -> str:
    """Two significant digits, or all before the point, never a power of ten: 0.0031, 1.4, 120."""
    if not value:
        return "0"
    return f"{value:.{max(0, 1 - math.floor(math.log10(abs(value))))}f}"


def plain(value: Cell) -> Cell:
    """A value as JSON has it: five decimals as in files of scores, null for what is not finite."""
    if isinstance(value, float):
        return round(value, 5) if math.isfinite(value) else None
    return value


def markdown_text(words: str) -> str:
    """Names may hold anything: nothing in them becomes markup, and a line stays a line."""
    return re.sub(r"([\\`*_|<>\[\]#])", r"\\\1", " ".join(words.split()))


_LATEX: Mapping[str, str] = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "−": "$-$", "∞": r"$\infty$", "–": "--", "<": "$<$", ">": "$>$", "▲": r"$\blacktriangle$",
    "▼": r"$\blacktriangledown$", "○": r"$\circ$", **{c: f"\\{c}" for c in "&%$#_{}"},
}  # fmt: skip


def latex_text(words: str) -> str:
    return "".join(_LATEX.get(c, c) for c in " ".join(words.split()))


def aligned(rows: list[list[str]]) -> list[list[str]]:
    """The cells padded to the widths of their columns, the first column to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides: list[Callable[[str, int], str]] = [str.ljust, *[str.rjust] * (len(widths) - 1)]
    return [[side(cell, width) for side, cell, width in zip(sides, row, widths, strict=True)]
            for row in rows]  # fmt: skip
