"""The same page as Markdown: every table and sentence, and of each picture what it shows."""

from __future__ import annotations

import re

from unweave.bench.report.page import (
    Block,
    Facts,
    Figures,
    HeatMap,
    Highlights,
    Items,
    Page,
    Section,
    Table,
    Text,
    shown,
)


def markdown(page: Page) -> str:
    """GitHub's dialect, UTF-8 text that ends with a line break."""
    parts = [f"# {_safe(page.title)}", _safe(page.lead), f"*{_safe(page.stamp)}*"]
    for section in page.sections:
        parts += _section(section)
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> list[str]:
    parts = [f"{'#' * section.level} {_safe(section.title)}"]
    parts += [block_markdown(block) for block in section.blocks]
    for part in section.sections:
        parts += _section(part)
    return parts


def block_markdown(block: Block) -> str:
    match block:
        case Table():
            return _table(block)
        case HeatMap():
            rows = [
                [_safe(track), *(shown(value, 1, "-") for value in values)]
                for track, values in zip(block.rows, block.values, strict=True)
            ]
            head = _head(block.title, f"{block.aggregation}, {block.unit}")
            return f"{head}\n\n{_grid(['Track', *map(_safe, block.columns)], rows)}"
        case Figures(figures):
            return "\n".join(f"- {_safe(figure.alt)}" for figure in figures)
        case Text(text, caution):
            return f"> **Caution.** {_safe(text)}" if caution else _safe(text)
        case Items(items):
            return "\n".join(f"- {_safe(item)}" for item in items)
        case Facts(facts):
            return "\n".join(f"- {_safe(name)}: {_safe(words)}" for name, words in facts)
        case Highlights(items):
            return "\n".join(
                f"- {_safe(what)}: **{_safe(figure)}** ({_safe(beside)})"
                for what, figure, beside in items
            )


def _table(table: Table) -> str:
    best = table.best()
    heads = [table.label]
    heads += [f"{c.name} ({c.unit})" if c.unit else c.name for c in table.columns]
    rows = []
    for g, group in enumerate(table.groups):
        if len(table.groups) > 1 and group.title:
            rows.append([f"*{_safe(group.title)}*", *[""] * len(table.columns)])
        for r, row in enumerate(group.rows):
            label = _safe(row.label) + (f" ({_safe(row.note)})" if row.note else "")
            cells = [
                f"**{_safe(text)}**" if (g, r, c) in best else _safe(text)
                for c, (column, cell) in enumerate(zip(table.columns, row.cells, strict=True))
                for text in [shown(cell, column.decimals, "-")]
            ]
            rows.append([label, *cells])
    notes = "".join(f"\n\n{_safe(note)}" for note in table.notes)
    head = _head(table.title, table.aggregation)
    return f"{head}\n\n{_grid([_safe(head) for head in heads], rows)}{notes}"


def _head(title: str, aggregation: str) -> str:
    return f"**{_safe(title)}**: {_safe(aggregation)}"


def _grid(heads: list[str], rows: list[list[str]]) -> str:
    """A table whose columns line up in a plain editor too."""
    widths = [max(len(row[c]) for row in [heads, *rows]) for c in range(len(heads))]

    def line(cells: list[str]) -> str:
        first = cells[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return f"| {' | '.join([first, *rest])} |"

    rule = [":" + "-" * max(1, widths[0] - 1)]
    rule += ["-" * max(1, width - 1) + ":" for width in widths[1:]]
    return "\n".join([line(heads), f"| {' | '.join(rule)} |", *map(line, rows)])


def _safe(words: str) -> str:
    """Names may hold anything: nothing in them becomes markup, and a line stays a line."""
    flat = " ".join(words.split())
    return re.sub(r"([\\`*_|<>\[\]#])", r"\\\1", flat)
