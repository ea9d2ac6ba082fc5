"""Scores in a folder become one HTML page, and a Markdown twin: `unweave report`.

`study` sorts the scores into what may be compared, `compose` says what there is to say about them
as plain data (`page`), `html` and `markdown` write it down. Equal scores give equal bytes, but for
the one line that tells when the page was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unweave.bench.report.page import HeatMap, Page, Section, Table, Text
from unweave.core.errors import InputError, OutputError
from unweave.core.whole import appearing
from unweave.io.files import advice, shown


def build(folder: Path, *, baseline: str | None = None, made: str | None = None) -> Page:
    """The report on all scores below `folder`, as plain data.

    baseline: the system that all others are tested against; else each separator is. made: the
    time to show, now in UTC where None. What is left out is said on the page. Raises InputError
    where there are no scores, UsageError for a baseline that nobody has heard of.
    """
    from unweave import __version__
    from unweave.bench import aggregate
    from unweave.bench.report import compose, differences, study

    if not folder.is_dir():
        raise InputError(f"{shown(folder)}: no such folder; give the one that the benchmark wrote")
    left_out: list[str] = []
    every = study.studies(aggregate.load(folder, left_out.append))
    if baseline is not None:
        differences.check_baseline(every, baseline)
    stamp = made or datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return compose.page(every, __version__, stamp, baseline, left_out)


def write(page: Page, html_file: Path, markdown_file: Path) -> None:
    """Write the page and its twin, each file whole or not at all. Raises OutputError."""
    from unweave.bench.report.html import html
    from unweave.bench.report.markdown import markdown

    _write(html_file, html(page))
    _write(markdown_file, markdown(page))


def document(page: Page) -> dict[str, Any]:
    """The page's tables, maps and cautions for programs: figures unrounded, null where none."""
    return {
        "title": page.title,
        "stamp": page.stamp,
        "left_out": list(page.left_out),
        "sections": [_section(section) for section in page.sections],
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "cautions": [b.text for b in section.blocks if isinstance(b, Text) and b.caution],
        "tables": [_table(b) for b in section.blocks if isinstance(b, Table | HeatMap)],
        "sections": [_section(part) for part in section.sections],
    }


def _table(table: Table | HeatMap) -> dict[str, Any]:
    if isinstance(table, HeatMap):
        columns: Sequence[str] = table.columns
        rows = [
            {"label": track, "kind": "track", "values": [_plain(value) for value in values]}
            for track, values in zip(table.rows, table.values, strict=True)
        ]
    else:
        columns = [column.name for column in table.columns]
        rows = [
            {"label": row.label, "kind": row.kind, "values": [_plain(cell) for cell in row.cells]}
            for group in table.groups
            for row in group.rows
        ]
    return {
        "title": table.title,
        "aggregation": table.aggregation,
        "columns": list(columns),
        "rows": rows,
    }


def _plain(cell: float | int | str | None) -> float | int | str | None:
    """JSON knows no NaN and no infinity: null for the one, text for the other."""
    if isinstance(cell, float) and cell != cell:
        return None
    if isinstance(cell, float) and cell in (float("inf"), float("-inf")):
        return str(cell)
    return cell


def _write(file: Path, text: str) -> None:
    try:
        with appearing(file) as hidden:
            hidden.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputError(f"{shown(file)}: cannot be written ({advice(error)})") from error
