"""The tables of scores of a comparison: averages, ordered, grouped and named for the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from unweave.evaluation import aggregate, rounding, sisec, whole_track
from unweave.evaluation.published import published
from unweave.evaluation.report.comparison import Comparison, System, campaign
from unweave.evaluation.report.document import Block, Text
from unweave.evaluation.table import RANKED, SEEN, Column, Row, Table

LEARNT = (
    "Blind: nothing learned; MUSDB18: learned from its train split; more data: from other music "
    "besides."
)
CSDR = "median over frames, then median over tracks (cSDR)"
GROUPS = (RANKED, "Not ranked", "Oracles and mixture")


def grouped(rows: Iterable[Row], merit: Mapping[str, float] | None = None) -> tuple[Row, ...]:
    """Separators ranked; apart those that saw these songs, oracles, the mixture; best first.

    merit: `[label]`; the first column where not given. Those without any come last, by name, and
    so do those whose first column lacks tracks that others have.
    """

    def place(row: Row) -> tuple[int, float, str]:
        apart = {SEEN: 1, "oracle": 2, "mixture": 2}.get(row.kind, 0)
        first = math.nan if row.is_partial(0) else row.values[0]
        value = first if merit is None else merit.get(row.label)
        found = -value if isinstance(value, float) and not math.isnan(value) else math.inf
        return apart, found, row.label

    return tuple(replace(row, group=GROUPS[place(row)[0]]) for row in sorted(rows, key=place))


def row_of(system: System, values: tuple[float | int | str | None, ...]) -> Row:
    """The row of a system, marked as what it is."""
    return Row(system.label, values, system.kind, system.note)


def score_table(comparison: Comparison, title: str, table: Table) -> Table:
    """An average for the page: best first column first, oracles apart.

    Systems without any value are left out. Where all rows stand on the same number of tracks the
    aggregation says it, else a column does.
    """
    rows = []
    for row in table.rows:
        if any(not math.isnan(value) for value in row.values):
            system = comparison.system(row.label)
            rows.append(replace(row, kind=system.kind, note=system.note))
    counts = {row.tracks for row in rows}
    columns, aggregation = table.columns, table.aggregation
    if len(counts) == 1:
        aggregation += f"; {tracks(counts.pop())}"
    else:
        columns = (*columns, Column("Tracks", "", 0))
        counted = [int(row.tracks) if row.tracks.isdecimal() else row.tracks for row in rows]
        rows = [
            replace(row, values=(*row.values, count))
            for row, count in zip(rows, counted, strict=True)
        ]
    return replace(table, title=title, aggregation=aggregation, columns=columns, rows=grouped(rows))


def overview(comparison: Comparison) -> list[Block]:
    """SDR of every stem by SiSEC's aggregation; for MIR-1K its own three averages of each."""
    if not comparison.is_mir1k:
        table = _named(comparison.csdr["SDR"], CSDR)
        return [score_table(comparison, "SDR of each stem", table)]
    found: list[Block] = []
    for stem in comparison.stems:
        whole = comparison.gnsdr
        names = [name for name in whole.names if name.startswith(f"{stem} ")]
        heads = [name.removeprefix(f"{stem} ") for name in names]
        part = _columns([(whole, name) for name in names], heads)
        table = score_table(comparison, f"{stem.capitalize()}: {', '.join(heads)}", part)
        found += _with_published(table, comparison.dataset, stem)
    return found


def stem_table(comparison: Comparison, stem: str) -> Table:
    """All four metrics of one stem by SiSEC's aggregation."""
    metrics = comparison.metrics
    table = _columns([(comparison.csdr[metric], stem) for metric in metrics], metrics)
    return score_table(comparison, f"{stem.capitalize()}, all metrics", _named(table, CSDR))


def other_averages(comparison: Comparison) -> list[Table]:
    """The same scores averaged in other ways, each table under its own name."""
    found, own, stems = [], comparison.own, comparison.stems
    if not comparison.is_mir1k:
        table = aggregate.mean_table(comparison.scores, stems=stems)
        found.append(score_table(comparison, "SDR, mean of tracks", table))
    for name, metric in whole_track.metrics().items():
        there = any(name in values for item in own for values in item.global_.values())
        if metric.reported and there:
            title = metric.title[0].upper() + metric.title[1:]
            table = aggregate.global_table(own, name, stems)
            found.append(score_table(comparison, title, table))
    return found


def campaign_apart() -> Table:
    """SiSEC 2018 on its own tracks, where ours are others."""
    songs = sisec.campaign().tracks
    systems, scores = campaign(songs)
    kinds = {system.label: system for system in systems}
    table = aggregate.csdr_table(scores)
    rows = [
        replace(row, kind=kinds[row.label].kind,
                note=sisec.training(row.label) if kinds[row.label].kind == "published" else "")
        for row in table.rows
    ]  # fmt: skip
    return replace(
        table,
        title="SiSEC 2018: SDR on MUSDB18 test, full songs",
        aggregation=f"{CSDR}; {tracks(len(songs))}",
        rows=grouped(rows),
        notes=(LEARNT, f"Source: {sisec.CITATION}."),
    )


def heat_map(comparison: Comparison, stem: str) -> Table:
    """Tracks by systems in colour, easiest track first, separators first."""
    found = comparison.values(stem, comparison.primary)
    systems = [system for system in comparison.systems if system.label in found]
    values = np.array([found[system.label] for system in systems]).T
    judges = [n for n, s in enumerate(systems) if s.kind in ("separator", "published")]
    ease = [aggregate.frame_median(row[judges] if judges else row) for row in values]
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, [5, 95]) if finite.size else (0.0, 1.0)
    how = "one score per clip" if comparison.is_mir1k else "median over frames of each track"
    return Table(
        title=f"{comparison.primary} of {stem}, track by track",
        aggregation=f"{how}; easiest track for the separators first",
        label="Track",
        columns=tuple(Column(s.label, "dB", 1, kind=s.kind) for s in systems),
        rows=tuple(
            Row(comparison.tracks[n], tuple(map(float, values[n])), "track")
            for n in np.argsort(-np.nan_to_num(ease, nan=-np.inf), kind="stable")
        ),
        shades=(float(np.floor(low)), float(np.ceil(high))),
    )


def _columns(parts: Sequence[tuple[Table, str]], heads: Sequence[str]) -> Table:
    """A table of one column of each of `parts`, all of which have the same rows."""
    at = [table.names.index(name) for table, name in parts]
    tables = [table for table, _ in parts]
    rows = tuple(
        replace(
            row,
            values=tuple(table.rows[n].values[c] for table, c in zip(tables, at, strict=True)),
            counts=tuple(table.rows[n].counts[c] for table, c in zip(tables, at, strict=True)),
            partial=tuple(table.rows[n].partial[c] for table, c in zip(tables, at, strict=True)),
        )
        for n, row in enumerate(tables[0].rows)
    )
    return replace(tables[0], columns=aggregate.columns_of(heads), rows=rows)


def _with_published(table: Table, dataset: str, stem: str) -> list[Block]:
    """Beside our rows those of papers on the same stem, unranked, with what to be careful about."""
    found = published(dataset)
    if found is None or found.stem != stem:
        return [table]
    spare = [None] * (len(table.columns) - len(found.metrics))  # the count of tracks, where it is
    rows = tuple(
        Row(
            label,
            (*values.values(), *spare),
            "oracle" if group.kind == "oracle" else "published",
            group=group.title,
        )
        for group in found.groups
        for label, values in group.rows.items()
    )
    sources = tuple(f"Source: {source}." for group in found.groups for source in group.sources)
    cautions = [f"{group.title} ({found.split}): {group.caution}." for group in found.groups]
    beside = replace(table, rows=(*table.rows, *rows), notes=(*table.notes, *sources))
    return [beside, *(Text(words, caution=True) for words in cautions)]


def _named(table: Table, aggregation: str) -> Table:
    return replace(table, aggregation=rounding.with_rounding(aggregation, table.rounded_to_bits))


def tracks(count: int | str) -> str:
    return "1 track" if str(count) == "1" else f"{count} tracks"
