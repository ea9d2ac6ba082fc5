"""A comparison becomes a chapter of the report: what to see first stands first."""

from __future__ import annotations

import math
from collections.abc import Sequence

from unweave.evaluation.report import charts, differences, notes, tables, times
from unweave.evaluation.report.comparison import Comparison
from unweave.evaluation.report.document import Block, Highlights, Items, Report, Section, Text
from unweave.evaluation.sisec import CITATION
from unweave.evaluation.text import shown

DEFINITIONS = (
    "SDR, SIR, ISR and SAR: how far an estimate lies above distortion, interference of other "
    "stems, spatial distortion and artefacts, in dB; higher is better.",
    "cSDR: median over one-second frames, then median over tracks, as in SiSEC 2018. Global SDR: "
    "one score for a whole track, then the mean over tracks, as in MDX. They differ: never "
    "compare one with the other.",
    "GNSDR, GSIR, GSAR: means over clips weighted by length; NSDR is SDR minus the mixture's.",
    "Oracles know the true stems: no separator is expected to reach them. The mixture as every "
    "estimate, with the level of a stem, is what doing nothing scores.",
)
TESTS = (
    "Two systems are compared on the tracks that both have a score for: Wilcoxon's signed-rank "
    "test on the differences track by track, two-sided. Holm's correction covers all comparisons "
    "of one stem, so that the chance of even one false finding among them is at most 5 %. A "
    "difference is the row's system minus the column's, as Hodges and Lehmann estimate it: the "
    "median over all pairs of tracks of the mean of their two differences. It need not equal the "
    "difference of two medians."
)


def report(
    every: Sequence[Comparison], made: str, baseline: str | None, left_out: Sequence[str]
) -> Report:
    """The whole report; `made` is the time that it shows, the only part that is not the scores'.

    left_out: what the folder holds beside these scores, a line each. Raises UsageError for a
    baseline that there is not.
    """
    from unweave import __version__

    if baseline is not None:
        differences.check_baseline(every, baseline)
    lines = tuple(left_out)
    return Report(
        title="Separation benchmark",
        lead=f"Scores of {'; '.join(comparison.title for comparison in every)}.",
        stamp=f"unweave {__version__}, {made}",
        left_out=lines,
        sections=(
            *([Section("Left out", 2, (Items(lines),))] if lines else ()),
            *(chapter(comparison, baseline) for comparison in every),
            Section("How to read this", 2, tuple(map(Text, DEFINITIONS))),
        ),
    )


def chapter(comparison: Comparison, baseline: str | None = None) -> Section:
    """All there is to say about one dataset, split and protocol."""
    head: list[Block] = [notes.facts(comparison), *notes.cautions(comparison)]
    details = Section("What was run, silence and warnings", 3, tuple(notes.details(comparison)))
    if not comparison.tracks:
        return Section(comparison.title, 2, tuple(head), (details,))
    stems = comparison.stems
    tests = [
        block
        for stem in stems
        for block in differences.difference_table(comparison, stem, baseline)
    ]
    cost = times.cost_table(comparison)
    parts = [
        Section("Results", 3, (*_highlights(comparison), *tables.overview(comparison),
                               *_beside(comparison))),
        Section("Stem by stem", 3, (Text(charts.BOXES),),
                tuple(_stem(comparison, stem) for stem in stems)),
        Section("Quality and speed", 3,
                (*(times.time_cautions(comparison) if cost else ()),
                 *charts.speed_charts(comparison), *([cost] if cost else []))),
        Section("Differences beyond chance", 3,
                (Text(TESTS), *tests) if tests else ()),
        Section("Track by track", 3, tuple(tables.heat_map(comparison, s) for s in stems)),
        Section("Averaged in other ways", 3, tuple(tables.other_averages(comparison))),
        Section("Published scores", 3, _elsewhere(comparison)),
        details,
    ]  # fmt: skip
    full = tuple(part for part in parts if part.blocks or part.sections)
    return Section(comparison.title, 2, tuple(head), full)


def _highlights(comparison: Comparison) -> list[Block]:
    """For each stem the best separator of ours, and how far the best oracle is."""
    found = []
    for stem in comparison.stems:
        values = comparison.headline(stem)
        best = {}
        for kind in ("separator", "oracle"):
            own = [
                system.label
                for system in comparison.systems
                if system.kind == kind and not system.published
                and not math.isnan(values.get(system.label, math.nan))
            ]  # fmt: skip
            if own:
                best[kind] = max(own, key=lambda label: values[label])
        if "separator" not in best:
            continue
        beside = ours = best["separator"]
        if "oracle" in best:
            beside += f"; best oracle {best['oracle']} {shown(values[best['oracle']])}"
        what = f"{stem.capitalize()}, {comparison.ranking}"
        found.append((what, f"{shown(values[ours])} dB", beside))
    return [Highlights(tuple(found))] if found else []


def _beside(comparison: Comparison) -> list[Block]:
    if not comparison.on_sisec_songs:
        return []
    words = (
        f"SiSEC: the 30 systems of SiSEC 2018 and its mixture on the same "
        f"{len(comparison.tracks)} tracks. {tables.LEARNT} Source: {CITATION}."
    )
    return [Text(words)]


def _stem(comparison: Comparison, stem: str) -> Section:
    table = [] if comparison.is_mir1k else [tables.stem_table(comparison, stem)]
    return Section(stem.capitalize(), 4, (*table, charts.box_plots(comparison, stem)))


def _elsewhere(comparison: Comparison) -> tuple[Block, ...]:
    """Scores on other tracks than ours, apart from all tables that compare."""
    if not comparison.dataset.startswith("musdb18") or comparison.on_sisec_songs:
        return ()
    words = "Not on the tracks above: do not read these rows against ours."
    return Text(words, caution=True), tables.campaign_apart()
