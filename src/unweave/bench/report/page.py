"""What a report says, before it is HTML or Markdown: sections of tables, figures and sentences.

Everything here is plain data. `html.py` and `markdown.py` turn the same `Page` into two twins, and
`--json` hands out its tables, so that no figure can differ between them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["separator", "published", "oracle", "mixture"]
Cell = float | int | str | None
ABSENT = "–"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `best` says which end is the better one, so that it can be set in bold.

    decimals: None for two significant digits. words: text, which stands at the left.
    """

    name: str
    unit: str = ""
    decimals: int | None = 2
    best: Literal["", "high", "low"] = ""
    words: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row. NaN and None are shown as a dash; `note` is small print beside the label."""

    label: str
    cells: tuple[Cell, ...]
    kind: Kind = "separator"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that belong together; only `ranked` groups compete for the best value of a column."""

    title: str
    rows: tuple[Row, ...]
    ranked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`aggregation` names how many figures became one; no table goes without."""

    title: str
    aggregation: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    label: str = "System"
    notes: tuple[str, ...] = ()

    def best(self) -> set[tuple[int, int, int]]:
        """Places `(group, row, column)` of the best values, as shown: equal roundings share it.

        A column with fewer than two competitors has none.
        """
        found: set[tuple[int, int, int]] = set()
        for c, column in enumerate(self.columns):
            if not column.best:
                continue
            values = {
                (g, r, c): _rounded(float(cell), column.decimals)
                for g, group in enumerate(self.groups)
                if group.ranked
                for r, row in enumerate(group.rows)
                if isinstance(cell := row.cells[c], float | int) and not math.isnan(cell)
            }
            if len(values) > 1:
                top = max(values.values()) if column.best == "high" else min(values.values())
                found |= {place for place, value in values.items() if value == top}
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """`values[row][column]` in colour between `low` and `high`, with the number in every cell."""

    title: str
    aggregation: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    kinds: tuple[Kind, ...]
    values: Sequence[Sequence[float]]
    unit: str
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A picture as inline SVG; `alt` is what it shows for those who do not see it."""

    title: str
    svg: str
    alt: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """Pictures side by side where there is room; the caption is for all of them."""

    figures: tuple[Figure, ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, or a caution that must not be missed."""

    text: str
    caution: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A plain list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what they are, as at the head of a datasheet."""

    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Highlights:
    """The few figures to see first: `(what, figure, beside it)`."""

    items: tuple[tuple[str, str, str], ...]


Block = Table | HeatMap | Figures | Text | Items | Facts | Highlights


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it; level 2 is a dataset, 3 a part, 4 a stem."""

    title: str
    level: int
    blocks: tuple[Block, ...] = ()
    sections: tuple[Section, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report. `stamp` is the only line that holds a time."""

    title: str
    lead: str
    stamp: str
    sections: tuple[Section, ...]
    left_out: tuple[str, ...] = ()  # files and scores of the folder that are not in it


def shown(value: Cell, decimals: int | None = 2, minus: str = "−") -> str:
    """A cell as text: fixed decimals, a real minus sign, a dash where there is nothing."""
    if value is None:
        return ABSENT
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value).replace("-", minus)
    if math.isnan(value):
        return ABSENT
    if math.isinf(value):
        return "∞" if value > 0 else f"{minus}∞"
    text = significant(value) if decimals is None else f"{value:.{decimals}f}"
    if not float(text):
        text = text.lstrip("-")  # no negative zero
    return text.replace("-", minus)


def significant(value: float) -> str:
    """Two significant digits, or all before the point, never a power of ten: 0.0031, 1.4, 120."""
    if not value:
        return "0"
    return f"{value:.{max(0, 1 - math.floor(math.log10(abs(value))))}f}"


def _rounded(value: float, decimals: int | None) -> float:
    """What `shown` shows, as a figure again."""
    return value if math.isinf(value) else float(shown(value, decimals, "-"))
