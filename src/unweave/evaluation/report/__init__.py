"""Scores in a folder become one HTML page, a Markdown twin, CSV and LaTeX: `unweave report`.

`comparison` sorts the scores into what may be compared; `chapter`, `tables`, `charts` and `notes`
say what there is to say about them as plain data (`document`); `render` writes it down. Equal
scores give equal bytes, except for the date of the page.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unweave.core.files import atomic_write, shown
from unweave.errors import InputError
from unweave.evaluation.report.document import Report, Section, Text
from unweave.evaluation.table import Table
from unweave.evaluation.text import plain


def build(folder: Path, *, baseline: str | None = None, made: str | None = None) -> Report:
    """The report on all scores below `folder`, as plain data.

    baseline: the system that all others are tested against; else each separator is. made: the
    time to show, now in UTC where None. What is left out is said on the page. Raises InputError
    where there are no scores, UsageError for an unknown baseline.
    """
    from unweave.evaluation import aggregate
    from unweave.evaluation.report import chapter, comparison

    if not folder.is_dir():
        raise InputError(f"{shown(folder)}: no such folder; give the one that the benchmark wrote")
    left_out: list[str] = []
    every = comparison.comparisons(aggregate.load(folder, left_out.append))
    stamp = made or datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return chapter.report(every, stamp, baseline, left_out)


def write(files: Mapping[Path, str]) -> None:
    """Write each file with its text, whole or not at all. Raises OutputError."""
    for file, text in files.items():
        atomic_write(file, text.encode())


def to_csv(report: Report) -> str:
    """Every value of every table on a line of its own, with its section and aggregation."""
    buffer = io.StringIO()
    columns = ("section", "table", "aggregation", "group", "row", "kind", "column", "unit", "value")
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    for section in report.sections:
        for table in section.tables():
            for record in table.records():
                value = plain(record["value"])
                writer.writerow({**record, "section": section.title, "value": value})
    return buffer.getvalue()


def to_latex(report: Report) -> str:
    """The tables for a paper, without those that go track by track."""
    tables = [table for part in report.sections for table in part.tables() if table.shades is None]
    return "% needs the packages booktabs and amssymb\n\n" + "\n".join(
        table.to_latex() for table in tables
    )


def document(report: Report) -> dict[str, Any]:
    """The page's tables and cautions for programs; null where there is no value."""
    return {
        "title": report.title,
        "stamp": report.stamp,
        "left_out": list(report.left_out),
        "sections": [_section(section) for section in report.sections],
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "cautions": [b.words for b in section.blocks if isinstance(b, Text) and b.caution],
        "tables": [b.document() for b in section.blocks if isinstance(b, Table)],
        "sections": [_section(part) for part in section.sections],
    }
