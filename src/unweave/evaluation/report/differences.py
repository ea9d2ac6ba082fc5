"""The tests of a comparison: which systems differ, by how much, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from unweave.errors import UsageError
from unweave.evaluation.report.comparison import Comparison
from unweave.evaluation.report.document import Block, Text
from unweave.evaluation.report.tables import grouped, row_of
from unweave.evaluation.statistics import LEVEL, PairedTest, compare
from unweave.evaluation.table import Column, Table
from unweave.evaluation.text import shown

FEWEST = 6  # with five tracks not even five wins out of five reach 5 % two-sided (p = 1/16)


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
        rows.append(row_of(comparison.system(test.system), cells))
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
        row_of(system, tuple(at.get((system.label, head)) for head in heads))
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
