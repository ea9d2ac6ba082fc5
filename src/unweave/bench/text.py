"""Tables of scores, for people and for machines."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unweave.bench.aggregate import Table


def lines(table: Table, *, tracks: bool = True) -> list[str]:
    """A table as text, headed by its title and the name of its aggregation."""
    head = ["", *table.columns, *(["tracks"] if tracks else [])]
    body = [
        [row.label, *map(_figure, row.values), *([row.tracks] if tracks else [])]
        for row in table.rows
    ]
    widths = [max(len(row[n]) for row in (head, *body)) for n in range(len(head))]
    rows = [
        "  " + "  ".join([row[0].ljust(widths[0]),
                          *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in (head, *body)
    ]  # fmt: skip
    return [f"{table.title}: {table.aggregation}", *rows]


def html(table: Table) -> str:
    """A table as HTML, for a notebook."""
    heads = "".join(f"<th>{escape(name)}</th>" for name in ("", *table.columns))
    rows = "".join(
        f"<tr><th>{escape(row.label)}</th>"
        + "".join(f"<td>{_figure(value)}</td>" for value in row.values)
        + "</tr>"
        for row in table.rows
    )
    caption = f"<caption>{escape(table.title)}: {escape(table.aggregation)}</caption>"
    return f"<table>{caption}<tr>{heads}</tr>{rows}</table>"


def document(table: Table) -> dict[str, Any]:
    """A table as plain data; JSON has no NaN and no infinity, so that both are null."""
    return {
        "title": table.title,
        "aggregation": table.aggregation,
        "rounded_to_bits": table.rounded_to_bits,
        "columns": list(table.columns),
        "rows": [
            {
                "label": row.label,
                "kind": row.kind,
                "tracks": list(row.counts),
                "values": [number(value) for value in row.values],
            }
            for row in table.rows
        ],
    }


def number(value: float) -> float | None:
    return round(value, 5) if math.isfinite(value) else None


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"
