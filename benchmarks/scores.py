"""Tables of a folder that `unweave benchmark` wrote, for the documents.

    .venv/bin/python -m benchmarks.scores musdb18 FOLDER       # MUSDB18, beside SiSEC 2018
    .venv/bin/python -m benchmarks.scores differences FOLDER   # from REPET-SIM, track by track
    .venv/bin/python -m benchmarks.scores mir-1k FOLDER        # MIR-1K, beside published scores
    .venv/bin/python -m benchmarks.scores four-stems FOLDER    # MUSDB18, a model of four stems
    .venv/bin/python -m benchmarks.scores voice FOLDER         # MIR-1K, any models
    .venv/bin/python -m benchmarks.scores report FOLDER        # some of `unweave report`

All values are in dB.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from scripts.technique_pages import PAGES, line, parsed

from unweave.evaluation import aggregate, published, report, sisec, statistics
from unweave.evaluation.report.comparison import Comparison, comparisons
from unweave.evaluation.table import SEEN, SEEN_NOTE

STEMS = ("vocals", "accompaniment")
BASE = "repet-sim"
# What the techniques were called in SiSEC 2018, and in the table of Huang and others.
CAMPAIGN = {"REP2": "repet-sim", "2DFT": "ft2d", "REP1": "repet", "RPCA": "rpca", "HPSS": "hpss"}
PUBLISHED = {"RPCA": "rpca", "RNMF": "rnmf"}
# The tables of a report that docs/benchmark-report.md shows, by how their titles begin.
SHOWN = (
    "SDR of each stem", "Vocals, all metrics", "Accompaniment, all metrics", "SDR of vocals:",
    "SDR of accompaniment:", "Time",
)  # fmt: skip
WHOLE = {"musdb18": 94, "mir-1k": 100}  # the tracks that tables of classical techniques stand on
Rows = list[list[str]]


def musdb18(folder: Path) -> str:
    """Medians over frames, then over tracks, of all metrics of both stems."""
    found = aggregate.load(folder)
    columns = [(stem, name) for stem in STEMS for name in sisec.METRICS]
    ours: dict[str, list[float]] = {}
    for stem, metric in columns:
        for label, value in aggregate.csdr_table(found, metric).column(stem).items():
            ours.setdefault(label, []).append(value)
    theirs = {
        f"{name}, in SiSEC 2018": [
            float(np.nanmedian(sisec.campaign().of(system, *column))) for column in columns
        ]
        for system, name in CAMPAIGN.items()
    }
    heads = ["technique", *(f"{stem} {metric}" for stem, metric in columns)]
    return table(heads, [*ordered(ours), *ordered(theirs)])


def differences(folder: Path) -> str:
    """SDR below that of BASE: the Hodges-Lehmann estimate, and Wilcoxon's p after Holm."""
    found = aggregate.load(folder)
    cells: dict[str, list[str]] = {}
    for stem in STEMS:
        values = aggregate.track_values(found, stem)
        names = [name for name in CAMPAIGN.values() if name != BASE and name in values]
        for test in statistics.compare(aligned(values, names), [(BASE, name) for name in names]):
            cells.setdefault(test.baseline, []).extend([f"{test.difference:.2f}", chance(test)])
    theirs = {name: system for system, name in CAMPAIGN.items()}
    rows = []
    for name, row in cells.items():
        one, other = (sisec.campaign().of(theirs[n], "vocals", "SDR") for n in (BASE, name))
        apart = (one - other)[np.isfinite(one - other)]
        rows.append([name, *row, f"{statistics.typical(apart):.2f}"])
    heads = ["technique", "vocals", "p", "accompaniment", "p", "vocals in SiSEC 2018"]
    return table(heads, sorted(rows, key=lambda row: float(row[1])))


def aligned(
    values: Mapping[str, Mapping[str, float]], names: Iterable[str]
) -> dict[str, np.ndarray]:
    """`(track,)` for BASE and each name, in the order of BASE's tracks."""
    tracks = list(values[BASE])
    return {
        name: np.array([values[name].get(track, np.nan) for track in tracks])
        for name in (BASE, *names)
    }


def chance(test: statistics.PairedTest) -> str:
    return "< 0.0001" if test.p_holm < 1e-4 else f"{test.p_holm:.2g}"


def mir_1k(folder: Path) -> str:
    """The voice: means over clips, weighted by their length."""
    found = aggregate.mir1k_table(aggregate.load(folder))
    metrics = ("GNSDR", "GSIR", "GSAR")
    at = [found.names.index(f"vocals {name}") for name in metrics]
    facts = published.published("mir-1k")
    assert facts is not None
    theirs = {
        f"{PUBLISHED[system]}, as published (825 clips)": [row[name] for name in metrics]
        for group in facts.groups
        for system, row in group.rows.items()
        if system in PUBLISHED
    }
    ours = {row.label: [row.values[n] for n in at] for row in found.rows}
    return table(["technique", *metrics], [*ordered(ours), *ordered(theirs)])


def four_stems(folder: Path) -> str:
    """cSDR of each stem, beside the classical techniques as they were measured by themselves."""
    found = comparisons(aggregate.load(folder))[0]
    scores = found.csdr["SDR"]
    heads = ("vocals", "drums", "bass", "other")
    ours = {}
    for row in scores.rows:
        of = dict(zip(scores.names, row.values, strict=True))
        stems = [of.get(stem, np.nan) for stem in heads]
        ours[row.label] = [of["vocals"], of["accompaniment"], *stems[1:], float(np.mean(stems))]
    classical = techniques("musdb18", ("vocals SDR", "accompaniment SDR"), len(found.tracks))
    missing = {label: [*row, *[np.nan] * 4] for label, row in classical.items()}
    count = f"{len(found.tracks)} excerpts"
    return beside(
        found, [count, "vocals", "accompaniment", *heads[1:], "mean of four"], ours, missing
    )


def voice(folder: Path) -> str:
    """The voice of MIR-1K's clips, beside the classical techniques as they were measured."""
    found = comparisons(aggregate.load(folder))[0]
    metrics = ("GNSDR", "GSIR", "GSAR")
    at = [found.gnsdr.names.index(f"vocals {name}") for name in metrics]
    ours = {row.label: [row.values[n] for n in at] for row in found.gnsdr.rows}
    classical = techniques("mir-1k", metrics, len(found.tracks))
    return beside(found, [f"{len(found.tracks)} clips", *metrics], ours, classical)


def techniques(name: str, columns: Sequence[str], tracks: int) -> dict[str, list[float]]:
    """`[label]`: some columns of a table in `docs/techniques/measured`, our own rows.

    Raises SystemExit where those stand on another number of tracks.
    """
    if tracks != WHOLE[name]:
        raise SystemExit(f"error: {tracks} tracks are scored; {name}.csv has {WHOLE[name]}")
    found = parsed((PAGES / "measured" / f"{name}.csv").read_text(encoding="utf-8"))
    at = [found.columns.index(column) for column in columns]
    return {
        row[0].partition(":")[0]: [float(row[n]) for n in at]
        for row in found.rows
        if ", " not in row[0] and row[0] != "mixture"  # published, or no technique
    }


def beside(
    found: Comparison,
    heads: Sequence[str],
    ours: Mapping[str, Sequence[float]],
    classical: Mapping[str, Sequence[float]],
) -> str:
    """Ranked rows with their place, then those that are not ranked, then oracles."""
    kinds = {system.label: system for system in found.systems}
    ranked = {label: row for label, row in ours.items() if kinds[label].kind == "separator"}
    best = ordered({**classical, **ranked})
    parts = [[f"{n}. {row[0]}", *row[1:]] for n, row in enumerate(best, 1)]
    for kind, note in ((SEEN, f"{SEEN_NOTE}, not ranked"), ("oracle", "oracle"),
                       ("mixture", "the mix itself")):  # fmt: skip
        rows = {label: row for label, row in ours.items() if kinds[label].kind == kind}
        parts += [[f"{row[0]} ({note})", *row[1:]] for row in ordered(rows)]
    return table(heads, [[cell.replace("nan", "") for cell in row] for row in parts])


def from_report(folder: Path) -> str:
    """The tables of SHOWN as `unweave report` writes them."""
    every = [each for section in report.build(folder).sections for each in section.tables()]
    chosen = [each for start in SHOWN for each in every if each.title.startswith(start)]
    return "\n\n".join(
        f"**{each.title}**: {each.aggregation}\n\n{each.markdown()}" for each in chosen
    )


def table(columns: Sequence[str], rows: Rows) -> str:
    return "\n".join(map(line, [columns, ["---"] * len(columns), *rows]))


def ordered(cells: Mapping[str, Sequence[float]]) -> Rows:
    """By the first score, the best first."""
    best = sorted(cells.items(), key=lambda item: -item[1][0])
    return [[label, *(f"{value:.2f}" for value in values)] for label, values in best]


FORMS = {"musdb18": musdb18, "differences": differences, "mir-1k": mir_1k, "report": from_report,
         "four-stems": four_stems, "voice": voice}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("form", choices=FORMS)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    print(FORMS[given.form](given.folder))


if __name__ == "__main__":
    main()
