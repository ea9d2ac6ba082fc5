"""Are the oracles those of the literature? MIR-1K's figures, and SiSEC 2018's order.

    .venv/bin/python -m benchmarks.oracles.figures data OUTPUT [--songs 94] [--jobs 2]

Prints two tables: the oracles on MIR-1K `test-public` (100 clips), and the oracles on the 7-second
sample of MUSDB18's training songs beside the campaign's on its 50 test songs. Their order for each
stem is a line of the error output. Where two stand the other way round there, their differences
track by track say whether that is chance (Hodges-Lehmann estimate, Wilcoxon's p). Scores are kept
in OUTPUT as `unweave benchmark` writes them, so that a second run only prints.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from unweave.evaluation import aggregate, sisec, statistics
from unweave.evaluation.benchmark import benchmark, exit_code
from unweave.evaluation.scores import TrackScores

MIR_1K = ("ibm", "irm1", "irm2", "psm")
CAMPAIGN = {"mixture": "MIX", "ibm1": "IBM1", "ibm2": "IBM2", "irm1": "IRM1", "irm2": "IRM2",
            "mwf-sisec": "MWF"}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="the folder with mir-1k and musdb18-7s")
    parser.add_argument("output", type=Path, help="folder for the scores")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--songs", type=int, default=94, help="only the first of MUSDB18")
    given = parser.parse_args()
    mir_1k(run(given, "mir-1k", given.data / "mir-1k", "test-public", MIR_1K))
    songs = run(
        given, "musdb18", given.data / "musdb18-7s", "train", [*CAMPAIGN, "mwf"],
        [str(given.songs)],
    )  # fmt: skip
    musdb(songs, given.songs)


def run(
    given: argparse.Namespace,
    dataset: str,
    root: Path,
    split: str,
    names: Sequence[str],
    tracks: Sequence[str] = (),
) -> list[TrackScores]:
    outcomes = benchmark(
        dataset,
        root,
        split,
        oracles=names,
        output=given.output,
        jobs=given.jobs,
        tracks=tracks,
    )
    if exit_code(outcomes):
        raise SystemExit("\n".join(outcome.error for outcome in outcomes if outcome.error))
    return [outcome.scores for outcome in outcomes if outcome.scores is not None]


def mir_1k(found: list[TrackScores]) -> None:
    table = aggregate.mir1k_table(found)
    metrics = ("GNSDR", "GSIR", "GSAR")
    columns = [table.names.index(f"vocals {name}") for name in metrics]
    line(["voice, MIR-1K, dB", *metrics])
    line(["---"] * 4)
    for row in table.rows:
        line([f"`{row.label}`", *(f"{row.values[n]:.2f}" for n in columns)])


def line(cells: Iterable[str]) -> None:
    print(f"| {' | '.join(cells)} |")


def musdb(found: list[TrackScores], songs: int) -> None:
    table = aggregate.csdr_table(found)
    print()
    line([f"{songs} excerpts of MUSDB18 (the campaign's songs), dB", *table.names])
    line(["---"] * (1 + len(table.names)))
    theirs = {
        (label, stem): float(np.nanmedian(sisec.campaign().of(system, stem, "SDR")))
        for label, system in CAMPAIGN.items()
        for stem in table.names
    }
    ours = {}
    for row in table.rows:
        ours |= {(row.label, stem): v for stem, v in zip(table.names, row.values, strict=True)}
        cells = [
            f"{ours[row.label, stem]:.2f}"
            + (f" ({theirs[row.label, stem]:.2f})" if row.label in CAMPAIGN else "")
            for stem in table.names
        ]
        line([f"`{row.label}`", *cells])
    values = {stem: aggregate.track_values(found, stem) for stem in table.names}
    for stem in table.names:
        orders = [sorted(CAMPAIGN, key=lambda label: of[label, stem]) for of in (ours, theirs)]
        print(f"{stem}: {' < '.join(orders[0])}", file=sys.stderr)
        for one, other in combinations(orders[0], 2):
            if orders[1].index(one) > orders[1].index(other):
                both = [(values[stem][one][t], values[stem][other][t]) for t in values[stem][one]]
                here = difference(np.array(both).T)
                there = difference(sisec.campaign().of(CAMPAIGN[x], stem, "SDR")
                                   for x in (one, other))  # fmt: skip
                print(f"  {one} less {other}, track by track: {here}; campaign: {there}",
                      file=sys.stderr)  # fmt: skip


def difference(pair: Iterable[np.ndarray]) -> str:
    """How far apart two systems are, and whether by more than chance."""
    one, other = pair
    apart = (one - other)[np.isfinite(one - other)]
    return f"{statistics.typical(apart):+.2f} dB, p {statistics.signed_rank(apart):.2g}"


if __name__ == "__main__":
    main()
