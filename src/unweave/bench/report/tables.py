"""The tables of a study: the aggregation's figures, ordered, grouped and named for the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from unweave.bench import aggregate, rounding, sisec
from unweave.bench.aggregate import Row as Figures
from unweave.bench.aggregate import TrackScores
from unweave.bench.published import published
from unweave.bench.report.page import Block, Column, Group, Row, Table, Text
from unweave.bench.report.study import Study, System, campaign
from unweave.bench.scores import MIR_1K

LEARNT = (
    "Blind: nothing learnt; MUSDB18: learnt from its train split; more data: from other music "
    "besides."
)
CSDR = "median over frames, then median over tracks (cSDR)"


def score_table(
    study: Study, title: str, table: aggregate.Table, columns: Sequence[str], unit: str = "dB"
) -> Table:
    """An aggregated table for the page: best first column first, oracles apart.

    columns: names for the head, one for each of the table's. Systems without any figure are left
    out. Where all rows stand on the same number of tracks the aggregation says it, else a column.
    """
    rows = [row for row in table.rows if any(not math.isnan(value) for value in row.values)]
    counts = {row.tracks for row in rows}
    same = len(counts) == 1
    heads = [Column(name, unit, 2, "high") for name in columns]
    if not same:
        heads.append(Column("Tracks", "", 0))
    by_label = {row.label: _row(study.system(row.label), row, same) for row in rows}
    how = f"{table.aggregation}; {_tracks(counts.pop())}" if same else table.aggregation
    return Table(title=title, aggregation=how, columns=tuple(heads), groups=grouped(by_label))


def overview(study: Study) -> list[Block]:
    """SDR of every stem by SiSEC's aggregation; for MIR-1K its own three figures of each."""
    if study.protocol != MIR_1K:
        table = _named(study.csdr["SDR"], CSDR)
        return [score_table(study, "SDR of each stem", table, table.columns)]
    found: list[Block] = []
    for stem in study.stems:
        at = [n for n, column in enumerate(study.gnsdr.columns) if column.startswith(f"{stem} ")]
        heads = [study.gnsdr.columns[n].removeprefix(f"{stem} ") for n in at]
        rows = tuple(
            replace(row, values=tuple(row.values[n] for n in at)) for row in study.gnsdr.rows
        )
        table = replace(study.gnsdr, rows=rows)
        title = f"{stem.capitalize()}: {', '.join(heads)}"
        found += _with_published(score_table(study, title, table, heads), study.dataset, stem)
    return found


def stem_table(study: Study, stem: str) -> Table:
    """All four metrics of one stem by SiSEC's aggregation."""
    by_metric = [study.csdr[metric] for metric in study.metrics]
    at = by_metric[0].columns.index(stem)
    rows = tuple(
        Figures(
            label=row.label,
            kind=row.kind,
            counts=tuple(table.rows[n].counts[at] for table in by_metric),
            values=tuple(table.rows[n].values[at] for table in by_metric),
        )
        for n, row in enumerate(by_metric[0].rows)
    )
    table = replace(by_metric[0], columns=study.metrics, rows=rows)
    table = _named(table, CSDR)
    return score_table(study, f"{stem.capitalize()}, all metrics", table, study.metrics)


def other_averages(study: Study) -> list[Block]:
    """The same scores averaged in other ways, each table under its own name."""
    found: list[Block] = []
    if study.protocol != MIR_1K:
        table = aggregate.mean_table(study.scores, stems=study.stems)
        found.append(score_table(study, "SDR, mean of tracks", table, table.columns))
    for figure, title in (("global_sdr_db", "Global SDR"), ("si_sdr_db", "SI-SDR")):
        if any(figure in values for item in study.own for values in item.global_.values()):
            table = aggregate.global_table(study.own, figure, study.stems)
            found.append(score_table(study, title, table, table.columns))
    return found


def cost_table(study: Study) -> Table | None:
    """What the separators took; None where nobody measured it."""
    rows, speed = {}, {}
    for system in study.systems:
        items = [item for item in study.own if item.separator == system.label]
        factor = real_time_factor(items)
        if system.kind != "separator" or factor is None:
            continue
        device = ", ".join(sorted({item.device for item in items if item.device}))
        cells = (factor, 1 / factor if factor else None, device or None)
        rows[system.label], speed[system.label] = Row(system.label, cells, system.kind), -factor
    if not rows:
        return None
    return Table(
        title="Time",
        aggregation="processing time of all tracks over their length",
        columns=(
            Column("Real-time factor", "", None, "low"),
            Column("Faster than playing", "times", None, "high"),
            Column("Device", words=True),
        ),
        groups=grouped(rows, speed),
    )


def real_time_factor(items: Sequence[TrackScores]) -> float | None:
    """Processing time over length of sound for all tracks together; None where not measured."""
    timed = [
        (item.real_time_factor * item.samples, item.samples)
        for item in items
        if item.real_time_factor is not None and item.samples
    ]
    return sum(time for time, _ in timed) / sum(size for _, size in timed) if timed else None


def campaign_apart() -> list[Block]:
    """SiSEC 2018 on its own tracks, where ours are others."""
    tracks = sisec.campaign().tracks
    systems, scores = campaign(tracks)
    table = aggregate.csdr_table(scores)
    rows = {
        row.label: Row(row.label, row.values, system.kind, _learnt(system))
        for system, row in zip(systems, table.rows, strict=True)
    }
    return [
        Table(
            title="SiSEC 2018: SDR on MUSDB18 test, full songs",
            aggregation=f"{CSDR}; {_tracks(len(tracks))}",
            columns=tuple(Column(stem, "dB", 2, "high") for stem in table.columns),
            groups=grouped(rows),
            notes=(LEARNT, f"Source: {sisec.CITATION}."),
        )
    ]


def _learnt(system: System) -> str:
    return sisec.training(system.label) if system.kind == "published" else ""


def _with_published(table: Table, dataset: str, stem: str) -> list[Block]:
    """Beside our rows those of papers on the same stem, unranked, with what to be careful about."""
    found = published(dataset)
    if found is None or found.stem != stem:
        return [table]
    spare = len(table.columns) - len(found.metrics)  # the count of tracks, where there is one
    groups = tuple(
        Group(
            group.title,
            tuple(
                Row(
                    label,
                    (*figures.values(), *[None] * spare),
                    "oracle" if group.kind == "oracle" else "published",
                )
                for label, figures in group.rows.items()
            ),
            ranked=False,
        )
        for group in found.groups
    )
    sources = tuple(f"Source: {source}." for group in found.groups for source in group.sources)
    cautions = [f"{group.title} ({found.split}): {group.caution}." for group in found.groups]
    beside = replace(table, groups=(*table.groups, *groups), notes=(*table.notes, *sources))
    return [beside, *(Text(words, caution=True) for words in cautions)]


def grouped(rows: Mapping[str, Row], merit: Mapping[str, float] | None = None) -> tuple[Group, ...]:
    """Separators ranked, oracles and the mixture apart; highest merit first.

    merit: `[label]`; the first column where not given. Those without any come last, by name.
    """

    def place(row: Row) -> tuple[float, str]:
        value = row.cells[0] if merit is None else merit.get(row.label)
        if isinstance(value, float) and not math.isnan(value):
            return -value, row.label
        return math.inf, row.label

    ordered = sorted(rows.values(), key=place)
    ranked = tuple(row for row in ordered if row.kind in ("separator", "published"))
    apart = tuple(row for row in ordered if row.kind in ("oracle", "mixture"))
    groups = [Group("Separators", ranked)] if ranked else []
    if apart:
        groups.append(Group("Oracles and mixture", apart, ranked=False))
    return tuple(groups)


def _row(system: System, row: Figures, same: bool) -> Row:
    count = int(row.tracks) if row.tracks.isdecimal() else row.tracks
    cells = row.values if same else (*row.values, count)
    return Row(system.label, cells, system.kind, system.note)


def _named(table: aggregate.Table, aggregation: str) -> aggregate.Table:
    return replace(table, aggregation=rounding.told(aggregation, table.rounded_to_bits))


def _tracks(count: int | str) -> str:
    return "1 track" if str(count) == "1" else f"{count} tracks"
