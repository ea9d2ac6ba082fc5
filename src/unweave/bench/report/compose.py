"""A study becomes a chapter of the report: what to see first stands first."""

from __future__ import annotations

from collections.abc import Sequence

from unweave.bench.report import differences, notes, plots, tables
from unweave.bench.report.page import Block, Highlights, Items, Page, Section, Text, shown
from unweave.bench.report.study import Study, joins_campaign
from unweave.bench.scores import MIR_1K
from unweave.bench.sisec import CITATION

DEFINITIONS = (
    "SDR, SIR, ISR and SAR: how far an estimate lies above distortion, interference of other "
    "stems, spatial distortion and artefacts, in dB; higher is better.",
    "cSDR: median over one-second frames, then median over tracks, as in SiSEC 2018. Global SDR: "
    "one figure for a whole track, then the mean over tracks, as in MDX. They differ: never "
    "compare one with the other.",
    "GNSDR, GSIR, GSAR: means over clips weighted by length; NSDR is SDR minus the mixture's.",
    "Oracles know the true stems: no separator is expected to reach them. The mixture as every "
    "estimate is what doing nothing scores.",
)


def page(
    every: Sequence[Study],
    version: str,
    made: str,
    baseline: str | None = None,
    left_out: Sequence[str] = (),
) -> Page:
    """The whole report; `made` is the time that it shows, the only part that is not the scores'.

    left_out: what the folder holds beside these scores, a line each.
    """
    names = "; ".join(study.title for study in every)
    return Page(
        title="Separation benchmark",
        lead=f"Scores of {names}.",
        stamp=f"unweave {version}, {made}",
        left_out=tuple(left_out),
        sections=(
            *([Section("Left out", 2, (Items(tuple(left_out)),))] if left_out else ()),
            *(chapter(study, baseline) for study in every),
            Section("How to read this", 2, tuple(Text(words) for words in DEFINITIONS)),
        ),
    )


def chapter(study: Study, baseline: str | None = None) -> Section:
    """All there is to say about one dataset, split and protocol."""
    head: list[Block] = [notes.facts(study), *notes.cautions(study)]
    if not study.tracks:
        return Section(study.title, 2, tuple(head), (_details(study),))
    parts = [
        Section("Results", 3, (*_highlights(study), *tables.overview(study), *_beside(study))),
        _stems(study),
        _speed(study),
        _differences(study, baseline),
        _maps(study),
        Section("Averaged in other ways", 3, tuple(tables.other_averages(study))),
        *_elsewhere(study),
        _details(study),
    ]
    full = tuple(part for part in parts if part.blocks or part.sections)
    return Section(study.title, 2, tuple(head), full)


def _highlights(study: Study) -> list[Block]:
    """For each stem the best separator of ours, and how far the best oracle is."""
    items = []
    for stem in study.stems:
        figures = study.headline(stem)
        own = {
            s.label: s
            for s in study.systems
            if not s.published and figures.get(s.label, -1e9) > -1e9
        }
        ours = [label for label, system in own.items() if system.kind == "separator"]
        oracles = [label for label, system in own.items() if system.kind == "oracle"]
        if not ours:
            continue
        best = max(ours, key=lambda label: figures[label])
        name = "GNSDR" if study.protocol == MIR_1K else "cSDR"
        beside = best
        if oracles:
            top = max(oracles, key=lambda label: figures[label])
            beside += f"; best oracle {top} {shown(figures[top])}"
        items.append((f"{stem.capitalize()}, {name}", f"{shown(figures[best])} dB", beside))
    return [Highlights(tuple(items))] if items else []


def _beside(study: Study) -> list[Block]:
    if not joins_campaign(study):
        return []
    words = (
        f"SiSEC: the 30 systems of SiSEC 2018 and its mixture on the same {len(study.tracks)} "
        f"tracks. {tables.LEARNT} Source: {CITATION}."
    )
    return [Text(words)]


def _stems(study: Study) -> Section:
    parts = []
    for stem in study.stems:
        music = study.protocol != MIR_1K
        table: list[Block] = [tables.stem_table(study, stem)] if music else []
        parts.append(Section(stem.capitalize(), 4, (*table, *plots.box_plots(study, stem))))
    return Section("Stem by stem", 3, (Text(plots.BOXES),), tuple(parts))


def _maps(study: Study) -> Section:
    return Section("Track by track", 3, tuple(plots.heat_map(study, stem) for stem in study.stems))


def _speed(study: Study) -> Section:
    table = tables.cost_table(study)
    blocks: list[Block] = [table] if table else []
    return Section("Quality and speed", 3, (*plots.speed_plots(study), *blocks))


def _differences(study: Study, baseline: str | None) -> Section:
    found: list[Block] = []
    for stem in study.stems:
        found += differences.difference_table(study, stem, baseline)
    reading: list[Block] = [Text(differences.READING)] if found else []
    return Section("Differences beyond chance", 3, (*reading, *found))


def _elsewhere(study: Study) -> list[Section]:
    """Figures on other tracks than ours, apart from all tables that compare."""
    if not study.dataset.startswith("musdb18") or joins_campaign(study):
        return []
    warning = Text("Not on the tracks above: do not read these rows against ours.", caution=True)
    return [Section("Published figures", 3, (warning, *tables.campaign_apart()))]


def _details(study: Study) -> Section:
    blocks = [*notes.what_was_run(study), *notes.silence(study), *notes.remarks(study)]
    return Section("What was run, silence and warnings", 3, tuple(blocks))
