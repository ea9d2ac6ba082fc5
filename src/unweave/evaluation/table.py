"""A table of scores, and the forms it is written in: text, HTML, Markdown, CSV, LaTeX, DataFrame.

Every table names its aggregation, because the same scores give quite different results by different
aggregations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from unweave.errors import UsageError
from unweave.evaluation.text import ABSENT, Cell, aligned, latex_text, markdown_text, plain, shown

if TYPE_CHECKING:
    import pandas

RANKED = "Separators"  # the group of rows that competes for the best value of a column
SEEN = "seen"  # the kind of a row that is not ranked, for the reason that its note says
SEEN_NOTE = "trained on these songs"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `best` says which end is the better one, so that it can be set in bold.

    decimals: None for two significant digits. text: words, which are aligned left. kind: of the
    system that the column stands for, if it stands for one.
    """

    name: str
    unit: str = ""
    decimals: int | None = 2
    best: Literal["", "high", "low"] = ""
    text: bool = False
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row. NaN and None are shown as a dash; `note` is small print beside the label.

    kind: of what it stands for: separator, published, seen, oracle, mixture or track.
    counts: how many tracks each value comes from, where the table is an average over tracks.
    partial: for each value whether it lacks tracks that other rows have; it is not ranked then.
    """

    label: str
    values: tuple[Any, ...]
    kind: str = "separator"
    note: str = ""
    group: str = ""
    counts: tuple[int, ...] = ()
    partial: tuple[bool, ...] = ()

    def is_partial(self, at: int) -> bool:
        """Whether the value at a column lacks tracks that other rows have."""
        return at < len(self.partial) and self.partial[at]

    @property
    def tracks(self) -> str:
        """How many tracks the values come from, in words: `94`, or `92 to 94`."""
        counts = sorted({count for count in self.counts if count}) or [0]
        return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of one group lie together. `shades` are the ends of a colour scale, for a heat map."""

    title: str
    aggregation: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    label: str = "System"
    notes: tuple[str, ...] = ()
    rounded_to_bits: int | None = None
    shades: tuple[float, float] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> dict[str, Any]:
        """`[label]`: the values of one column."""
        at = self.names.index(name)
        return {row.label: row.values[at] for row in self.rows}

    def groups(self) -> list[tuple[str, list[Row]]]:
        """The rows by group, in their order."""
        return [(name, list(rows)) for name, rows in groupby(self.rows, lambda row: row.group)]

    def best(self) -> set[tuple[Row, str]]:
        """`(row, column)` of the best values, as shown: equal roundings share it.

        Only rows of the group `RANKED` compete, and with a value over all tracks; a column with
        fewer than two of them has none.
        """
        found: set[tuple[Row, str]] = set()
        for at, column in enumerate(self.columns):
            values = {
                row: float(shown(row.values[at], column.decimals, "-").replace("∞", "inf"))
                for row in self.rows
                if row.group == RANKED and isinstance(row.values[at], float | int)
                and not math.isnan(row.values[at]) and not row.is_partial(at)
            }  # fmt: skip
            if column.best and len(values) > 1:
                top = max(values.values()) if column.best == "high" else min(values.values())
                found |= {(row, column.name) for row, value in values.items() if value == top}
        return found

    def cells(self, row: Row, minus: str = "−") -> list[str]:
        """The values of a row as they are shown."""
        pairs = zip(row.values, self.columns, strict=True)
        return [shown(value, column.decimals, minus) for value, column in pairs]

    def shade(self, value: float) -> float | None:
        """Where a value lies on the colour scale, 0 to 1; None where there is no colour."""
        if self.shades is None or math.isnan(value):
            return None
        low, high = self.shades
        return round(min(1.0, max(0.0, (value - low) / (high - low))), 2) if high > low else 0.5

    def lines(self) -> list[str]:
        """The table as plain text for a terminal, below its title and aggregation."""
        tracks = any(row.counts for row in self.rows)
        head = ["", *self.names, *(["tracks"] if tracks else [])]
        body = [
            [f"{row.label} ({row.note})" if row.note else row.label,
             *(cell.replace(ABSENT, "-") for cell in self.cells(row, "-")),
             *([row.tracks] if tracks else [])]
            for row in self.rows
        ]  # fmt: skip
        rows = ["  " + "  ".join(cells) for cells in aligned([head, *body])]
        return [f"{self.title}: {self.aggregation}", *rows]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        """For a notebook."""
        from unweave.evaluation.pages import environment

        module = environment().get_template("table.html").module
        return str(module.table_html(self))  # type: ignore[attr-defined]

    def markdown(self) -> str:
        """GitHub's dialect, its columns aligned in a plain editor too."""
        best = self.best()
        heads = [self.label]
        heads += [f"{c.name} ({c.unit})" if c.unit else c.name for c in self.columns]
        rows = [[markdown_text(head) for head in heads]]
        groups = self.groups()
        for group, members in groups:
            if group and len(groups) > 1:
                rows.append([f"*{markdown_text(group)}*", *[""] * len(self.columns)])
            for row in members:
                note = f" ({markdown_text(row.note)})" if row.note else ""
                texts = map(markdown_text, self.cells(row, "-"))
                bold = [(row, name) in best for name in self.names]
                rows.append(
                    [
                        markdown_text(row.label) + note,
                        *(f"**{t}**" if b else t for t, b in zip(texts, bold, strict=True)),
                    ]
                )
        first, *others = aligned(rows)
        rule = [":" + "-" * max(1, len(first[0]) - 1)]
        rule += ["-" * max(1, len(cell) - 1) + ":" for cell in first[1:]]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in (first, rule, *others))

    def to_latex(self) -> str:
        """A `tabular` of the package booktabs, best values in bold, below its caption."""
        best = self.best()
        sides = "".join("l" if column.text else "r" for column in self.columns)
        heads = [self.label, *(f"{c.name} [{c.unit}]" if c.unit else c.name for c in self.columns)]
        lines = [r"\begin{table}", r"\centering",
                 rf"\caption{{{latex_text(f'{self.title}: {self.aggregation}')}}}",
                 rf"\begin{{tabular}}{{l{sides}}}", r"\toprule",
                 " & ".join(map(latex_text, heads)) + r" \\"]  # fmt: skip
        for _, members in self.groups():
            lines.append(r"\midrule")
            for row in members:
                texts = map(latex_text, self.cells(row))
                bold = [(row, name) in best for name in self.names]
                cells = (rf"\textbf{{{t}}}" if b else t for t, b in zip(texts, bold, strict=True))
                lines.append(" & ".join([latex_text(row.label), *cells]) + r" \\")
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])

    def records(self) -> list[dict[str, Cell]]:
        """One record for each value: what a CSV file and a DataFrame in long form hold."""
        return [
            {"table": self.title, "aggregation": self.aggregation, "group": row.group,
             "row": row.label, "kind": row.kind, "column": column.name, "unit": column.unit,
             "value": value}
            for row in self.rows
            for column, value in zip(self.columns, row.values, strict=True)
        ]  # fmt: skip

    def to_frame(self) -> pandas.DataFrame:
        """A row for each row, a column for each column. Raises UsageError without pandas."""
        return frame([row.values for row in self.rows], columns=self.names,
                     index=[row.label for row in self.rows])  # fmt: skip

    def document(self) -> dict[str, Any]:
        """Plain data for JSON, which has no NaN and no infinity: both are null."""
        return {
            "title": self.title,
            "aggregation": self.aggregation,
            "rounded_to_bits": self.rounded_to_bits,
            "columns": list(self.names),
            "rows": [
                {
                    "label": row.label,
                    "kind": row.kind,
                    "tracks": list(row.counts),
                    "values": [plain(value) for value in row.values],
                }
                for row in self.rows
            ],
        }


def frame(rows: Iterable[Any], **more: Any) -> pandas.DataFrame:
    """A DataFrame. Raises UsageError where pandas is not installed."""
    try:
        import pandas
    except ImportError:
        raise UsageError("to_frame needs pandas; install it with: pip install pandas") from None
    return pandas.DataFrame(list(rows), **more)
