"""The time that the separators of a comparison took, and what forbids to compare it."""

from __future__ import annotations

from collections.abc import Sequence

from unweave.evaluation.common import counted
from unweave.evaluation.report.comparison import Comparison
from unweave.evaluation.report.document import Text
from unweave.evaluation.report.tables import grouped, row_of
from unweave.evaluation.scores import TrackScores
from unweave.evaluation.table import SEEN, Column, Table

UNKNOWN = "an unknown number of jobs"  # in files of scores that do not say it
TIMED = ("separator", SEEN)


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
            rows.append(row_of(system, values if alike else (*values, ways[system.label])))
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
