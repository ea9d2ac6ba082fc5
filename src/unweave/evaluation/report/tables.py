"""The tables of a comparison: averages and tests, ordered, grouped and named for the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from unweave.errors import UsageError
from unweave.evaluation import aggregate, rounding, sisec, whole_track
from unweave.evaluation.common import counted
from unweave.evaluation.published import published
from unweave.evaluation.report.comparison import Comparison, System, campaign
from unweave.evaluation.report.document import Block, Text
from unweave.evaluation.scores import TrackScores
from unweave.evaluation.statistics import LEVEL, PairedTest, compare
from unweave.evaluation.table import RANKED, SEEN, Column, Row, Table
from unweave.evaluation.text import shown

LEARNT = (
    "Blind: nothing learned; MUSDB18: learned from its train split; more data: from other music "
    "besides."
)
CSDR = "median over frames, then median over tracks (cSDR)"
UNKNOWN = "an unknown number of jobs"  # in files of scores that do not say it
TIMED = ("separator", SEEN)
GROUPS = (RANKED, "Not ranked", "Oracles and mixture")
FEWEST = 6  # with five tracks not even five wins out of five reach 5 % two-sided (p = 1/16)


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


def cost_table(comparison: Comparison) -> Table | None:
    """Time of the separators; None without measurements.

    Where they ran with different numbers of jobs or threads a column says which, and none is best.
    """
    ways = timed_with(comparison)
    alike = len(set(ways.values())) == 1
    rows = []
    for system in comparison.systems:
        items = comparison.own_of(system)
        factor = real_time_factor(items)
        if system.kind in TIMED and factor is not None:
            device = ", ".join(sorted({item.device for item in items if item.device}))
            values = (factor, 1 / factor if factor else None, device or None)
            rows.append(_row(system, values if alike else (*values, ways[system.label])))
    if not rows:
        return None
    how = next(iter(ways.values()))
    return Table(
        title="Time",
        aggregation="processing time of all tracks over their length"
        + (f"; {how}" if alike and how != UNKNOWN else ""),
        columns=(
            Column("Real-time factor", "", None, "low" if alike else ""),
            Column("Faster than playing", "times", None, "high" if alike else ""),
            Column("Device", text=True),
            *([] if alike else [Column("Run with", text=True)]),
        ),
        rows=grouped(rows, {row.label: -row.values[0] for row in rows}),
    )


def timed_with(comparison: Comparison) -> dict[str, str]:
    """`[label]`: with how many jobs and threads each timed separator ran, in words."""
    found = {}
    for system in comparison.systems:
        items = [i for i in comparison.own_of(system) if i.real_time_factor is not None]
        if system.kind in TIMED and real_time_factor(items) is not None:
            ways = {(item.jobs or 0, item.threads or 0) for item in items}
            found[system.label] = " or ".join(
                f"{counted(jobs, 'job')} of {counted(threads, 'thread')}" if jobs else UNKNOWN
                for jobs, threads in sorted(ways)
            )
    return found


def time_cautions(comparison: Comparison) -> list[Text]:
    """What forbids to compare the times: other numbers of jobs or threads, or jobs in parallel."""
    ways = timed_with(comparison)
    distinct = set(ways.values())
    if len(distinct) > 1 or any(" or " in way for way in distinct):
        alike: dict[str, list[str]] = {}
        for label, way in ways.items():
            alike.setdefault(way, []).append(label)
        each = "; ".join(f"{', '.join(labels)} with {way}" for way, labels in alike.items())
        words = f"These ran with different numbers of jobs or threads ({each}): do not compare "
        return [Text(f"{words}their times.", caution=True)]
    parallel = any(not way.startswith("1 job ") and way != UNKNOWN for way in distinct)
    words = "Tracks were worked on in parallel and slowed each other down: time with --jobs 1."
    return [Text(words, caution=True)] if parallel else []


def real_time_factor(items: Sequence[TrackScores]) -> float | None:
    """Processing time over length of audio for all tracks together; None where not measured."""
    timed = [
        (item.real_time_factor * item.samples, item.samples)
        for item in items
        if item.real_time_factor is not None and item.samples
    ]
    return sum(time for time, _ in timed) / sum(size for _, size in timed) if timed else None


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


def check_baseline(every: Sequence[Comparison], baseline: str) -> None:
    """Raises UsageError where no comparison has such a system."""
    names = sorted({system.label for comparison in every for system in comparison.systems})
    if baseline not in names:
        raise UsageError(f"--baseline {baseline}: no such system; there are {', '.join(names)}")


def baselines(comparison: Comparison, stem: str, baseline: str | None = None) -> list[str]:
    """Whom the others are compared with: the one asked for, else each of our own separators.

    Where a comparison has no separator, each oracle. A stem that none of these has gets no test,
    and a system that is not ranked in it has none.
    """
    scores = _ranked(comparison, stem)
    if baseline is not None:
        return [baseline] if baseline in scores else []
    ours = [system for system in comparison.systems if system.kind == "separator"]
    ours = ours or [system for system in comparison.systems if not system.published]
    return [system.label for system in ours if system.label in scores]


def paired_tests(
    comparison: Comparison, stem: str, baseline: str | None = None
) -> list[PairedTest]:
    """Every other system against the baselines, each pair once, as one family."""
    scores = _ranked(comparison, stem)
    pairs: dict[frozenset[str], tuple[str, str]] = {}
    for column in baselines(comparison, stem, baseline):
        for label in scores:
            if label != column:
                pairs.setdefault(frozenset((label, column)), (label, column))
    return compare(scores, pairs.values())


def _ranked(comparison: Comparison, stem: str) -> dict[str, npt.NDArray[np.float64]]:
    """`[label] (track,)`: the scores of those that are ranked, as in `values`."""
    found = comparison.values(stem, comparison.primary)
    unranked = {*comparison.common.unranked(stem), *comparison.common.seen}
    return {label: values for label, values in found.items() if label not in unranked}


def difference_table(comparison: Comparison, stem: str, baseline: str | None = None) -> list[Block]:
    """Details for one baseline, a matrix for several, nothing where there is nothing to compare."""
    tests = paired_tests(comparison, stem, baseline)
    if not tests:
        return []
    most = max(test.tracks for test in tests)
    if most < FEWEST:
        words = f"{stem.capitalize()}: {most} common tracks; fewer than {FEWEST} show nothing."
        return [Text(words)]
    found: list[Block] = []
    least = min(1.0, len(tests) * 2.0 ** (1 - most))  # one wins on every track, two-sided
    if least >= LEVEL:
        words = (
            f"{stem.capitalize()}: with {most} tracks and {len(tests)} comparisons no difference "
            f"can be shown at 5 %: even a system that wins on every track has p = {p_value(least)} "
            "after Holm's correction. Take more tracks, fewer systems, or one --baseline."
        )
        found.append(Text(words, caution=True))
    merit = comparison.headline(stem)
    heads = sorted({test.baseline for test in tests}, key=lambda label: (-merit[label], label))
    write = _details if len(heads) == 1 else _matrix
    return [*found, write(comparison, stem, tests, heads)]


def _details(
    comparison: Comparison, stem: str, tests: Sequence[PairedTest], heads: Sequence[str]
) -> Table:
    rows = []
    for test in tests:
        verdict = "▲ better" if test.difference > 0 else "▼ worse"
        cells = (test.difference, p_value(test.p), p_value(test.p_holm), test.tracks,
                 verdict if test.significant else "no difference shown")  # fmt: skip
        rows.append(_row(comparison.system(test.system), cells))
    return Table(
        title=f"{comparison.primary} of {stem}: against {heads[0]}",
        aggregation=f"Hodges-Lehmann estimate over tracks; {len(tests)} comparisons in the family",
        columns=(
            Column("Difference", "dB"),
            Column("p"),
            Column("p, Holm"),
            Column("Tracks", "", 0),
            Column("At 5 %", text=True),
        ),
        rows=grouped(rows, comparison.headline(stem)),
    )


def _matrix(
    comparison: Comparison, stem: str, tests: Sequence[PairedTest], heads: Sequence[str]
) -> Table:
    at: dict[tuple[str, str], str] = {}
    for test in tests:
        at[test.system, test.baseline] = _signed(test.difference, test.significant)
        at[test.baseline, test.system] = _signed(-test.difference, test.significant)
    rows = [
        _row(system, tuple(at.get((system.label, head)) for head in heads))
        for system in comparison.systems
        if any((system.label, head) in at for head in heads)
    ]
    counts = sorted({test.tracks for test in tests})
    count = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return Table(
        title=f"{comparison.primary} of {stem}: row minus column",
        aggregation=(
            f"Hodges-Lehmann estimate over tracks, dB; {len(tests)} comparisons in the family, "
            f"{count} tracks each"
        ),
        columns=tuple(map(Column, heads)),
        rows=grouped(rows, comparison.headline(stem)),
        notes=("▲ better and ▼ worse than the column's system at 5 %; ○ no difference shown.",),
    )


def p_value(p: float) -> str:
    """To two significant digits, never as zero."""
    if math.isnan(p):
        return shown(p)
    if p < 0.0001:
        return "<0.0001"
    return f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def _signed(difference: float, significant: bool) -> str:
    mark = "○" if not significant else "▲" if difference > 0 else "▼"
    sign = "+" if difference > 0 else ""
    return f"{sign}{shown(difference)} {mark}"


def _row(system: System, values: tuple[float | int | str | None, ...]) -> Row:
    return Row(system.label, values, system.kind, system.note)


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
    return replace(tables[0], columns=aggregate.decibels(heads), rows=rows)


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
