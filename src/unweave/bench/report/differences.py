"""Which systems differ by more than chance: a table for each stem, and how to read it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from unweave.bench.report.page import Block, Cell, Column, Row, Table, Text, shown
from unweave.bench.report.study import Study
from unweave.bench.report.tables import grouped
from unweave.bench.statistics import LEVEL, Comparison, compare
from unweave.core.errors import UsageError

FEWEST = 6  # with five tracks not even five wins out of five reach 5 % two-sided (p = 1/16)
READING = (
    "Two systems are compared on the tracks that both have a score for: Wilcoxon's signed-rank "
    "test on the differences track by track, two-sided. Holm's correction covers all comparisons "
    "of one stem, so that the chance of even one false finding among them is at most 5 %. A "
    "difference is the row's system minus the column's, as Hodges and Lehmann estimate it: the "
    "median over all pairs of tracks of the mean of their two differences. It need not equal the "
    "difference of two medians."
)


def comparisons(study: Study, stem: str, baseline: str | None = None) -> list[Comparison]:
    """Every other system against the baselines, one family: see `baselines`."""
    scores = study.values(stem, study.primary)
    pairs: list[tuple[str, str]] = []
    for column in baselines(study, stem, baseline):
        done = {frozenset(pair) for pair in pairs}
        pairs += [
            (label, column)
            for label in scores
            if label != column and frozenset((label, column)) not in done
        ]
    return compare(scores, pairs)


def baselines(study: Study, stem: str, baseline: str | None = None) -> list[str]:
    """Whom the others are compared with: the one asked for, else each of our own separators.

    Where a study has no separator, each oracle. A stem that none of these has gets no test.
    """
    scores = study.values(stem, study.primary)
    if baseline is not None:
        return [baseline] if baseline in scores else []
    ours = [system for system in study.systems if system.kind == "separator"]
    ours = ours or [system for system in study.systems if not system.published]
    return [system.label for system in ours if system.label in scores]


def check_baseline(every: list[Study], baseline: str) -> None:
    """Raises UsageError where no study has such a system."""
    names = sorted({system.label for study in every for system in study.systems})
    if baseline not in names:
        raise UsageError(f"--baseline {baseline}: no such system; there are {', '.join(names)}")


def difference_table(study: Study, stem: str, baseline: str | None = None) -> list[Block]:
    """Details for one baseline, a matrix for several, nothing where there is nothing to compare."""
    found = comparisons(study, stem, baseline)
    if not found:
        return []
    merit = study.headline(stem)
    heads = sorted({item.baseline for item in found}, key=lambda label: (-merit[label], label))
    most = max(comparison.tracks for comparison in found)
    if most < FEWEST:
        words = f"{stem.capitalize()}: {most} common tracks; fewer than {FEWEST} show nothing."
        return [Text(words)]
    table = _details(study, stem, found, heads[0]) if len(heads) == 1 else None
    return [*_out_of_reach(stem, found, most), table or _matrix(study, stem, found, heads)]


def _out_of_reach(stem: str, found: Sequence[Comparison], tracks: int) -> list[Block]:
    """A caution where so few tracks and so many comparisons can show nothing at all."""
    least = min(1.0, len(found) * 2.0 ** (1 - tracks))  # one wins on every track, two-sided
    if least < LEVEL:
        return []
    return [
        Text(
            f"{stem.capitalize()}: with {tracks} tracks and {len(found)} comparisons no difference "
            f"can be shown at 5 %: even a system that wins on every track has p = {p_value(least)} "
            "after Holm's correction. Take more tracks, fewer systems, or one --baseline.",
            caution=True,
        )
    ]


def _details(study: Study, stem: str, found: list[Comparison], baseline: str) -> Table:
    rows = {}
    for comparison in found:
        system = study.system(comparison.system)
        cells: tuple[Cell, ...] = (
            comparison.difference,
            p_value(comparison.p),
            p_value(comparison.p_holm),
            comparison.tracks,
            _verdict(comparison),
        )
        rows[system.label] = Row(system.label, cells, system.kind, system.note)
    return Table(
        title=f"{study.primary} of {stem}: against {baseline}",
        aggregation=f"Hodges-Lehmann estimate over tracks; {len(found)} comparisons in the family",
        columns=(
            Column("Difference", "dB"),
            Column("p"),
            Column("p, Holm"),
            Column("Tracks", "", 0),
            Column("At 5 %", words=True),
        ),
        groups=grouped(rows, study.headline(stem)),
    )


def _matrix(study: Study, stem: str, found: list[Comparison], heads: list[str]) -> Table:
    at: dict[tuple[str, str], str] = {}
    for item in found:
        at[item.system, item.baseline] = _signed(item.difference, item.significant)
        at[item.baseline, item.system] = _signed(-item.difference, item.significant)
    labels = [s for s in study.systems if any((s.label, head) in at for head in heads)]
    rows = {
        system.label: Row(
            system.label,
            tuple(at.get((system.label, head)) for head in heads),
            system.kind,
            system.note,
        )
        for system in labels
    }
    tracks = sorted({item.tracks for item in found})
    count = f"{tracks[0]}" if len(tracks) == 1 else f"{tracks[0]} to {tracks[-1]}"
    return Table(
        title=f"{study.primary} of {stem}: row minus column",
        aggregation=(
            f"Hodges-Lehmann estimate over tracks, dB; {len(found)} comparisons in the family, "
            f"{count} tracks each"
        ),
        columns=tuple(Column(head) for head in heads),
        groups=grouped(rows, study.headline(stem)),
        notes=("▲ better and ▼ worse than the column's system at 5 %; ○ no difference shown.",),
    )


def p_value(p: float) -> str:
    """To two significant digits, never as zero."""
    if math.isnan(p):
        return shown(p)
    if p < 0.0001:
        return "<0.0001"
    return f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def _verdict(comparison: Comparison) -> str:
    if not comparison.significant:
        return "no difference shown"
    return "▲ better" if comparison.difference > 0 else "▼ worse"


def _signed(difference: float, significant: bool) -> str:
    mark = "○" if not significant else "▲" if difference > 0 else "▼"
    sign = "+" if difference > 0 else ""
    return f"{sign}{shown(difference)} {mark}"
