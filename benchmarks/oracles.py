"""Are the oracles those of the literature? MIR-1K's figures, SiSEC 2018's order, museval's scores.

    benchmarks/bss_eval/install.sh
    benchmarks/bss_eval/.venv/bin/python benchmarks/oracles.py ../shared/data oracles-out

Prints three tables: the oracles on MIR-1K `test-public` (100 clips) beside the figures that were
computed elsewhere for all 825 test clips; the oracles on the 7-second sample of MUSDB18's training
songs, each stem's order beside the campaign's; and the largest difference between our scores and
museval's own for the same waves, on a few of these songs. Scores are kept in the folder given, so
that a second run only prints.
"""

from __future__ import annotations

import argparse
import math
from collections import OrderedDict
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from unweave import datasets
from unweave.bench import aggregate, oracles, pairing, scores, sisec
from unweave.bench.run import benchmark, exit_code
from unweave.bench.scores import BSS_EVAL_V4, METRICS

# GNSDR, GSIR, GSAR of the voice on the 825 test clips, 1024-sample sine window, half overlap.
ALL_CLIPS = {
    "ibm": (13.24, 21.63, 14.14),
    "irm1": (13.32, 18.49, 15.17),
    "irm2": (14.05, 21.00, 15.26),
    "psm": (15.02, 21.43, 16.36),
}
CAMPAIGN = {"mixture": "MIX", "ibm1": "IBM1", "ibm2": "IBM2", "irm1": "IRM1", "irm2": "IRM2",
            "mwf": "MWF"}  # fmt: skip


def run(output: Path, dataset: str, root: Path, split: str, names: list[str], jobs: int) -> list:
    outcomes = benchmark(dataset, root, split, oracles=names, output=output, jobs=jobs)
    assert exit_code(outcomes) == 0, [outcome.error for outcome in outcomes if outcome.error]
    return [outcome.scores for outcome in outcomes]


def mir_1k(data: Path, output: Path, jobs: int) -> None:
    found = run(output, "mir-1k", data / "mir-1k", "test-public", ["mixture", *ALL_CLIPS], jobs)
    table = aggregate.mir1k_table(found)
    columns = [table.columns.index(f"vocals {name}") for name in ("GNSDR", "GSIR", "GSAR")]
    print(f"\n{table.title}, {table.aggregation}: voice, GNSDR/GSIR/GSAR")
    print(f"  {'':8}  {'test-public':>19}  {'all 825 clips':>19}  largest difference")
    for row in table.rows:
        values = [row.values[n] for n in columns]
        words = "/".join(f"{value:.2f}" for value in values)
        theirs = ALL_CLIPS.get(row.label)
        more = ""
        if theirs is not None:
            worst = max(abs(a - b) for a, b in zip(values, theirs, strict=True))
            more = f"{'/'.join(f'{value:.2f}' for value in theirs):>19}  {worst:.2f}"
        print(f"  {row.label:8}  {words:>19}  {more}")


def musdb(data: Path, output: Path, jobs: int) -> None:
    root = data / "musdb18-7s"
    found = run(output, "musdb18", root, "train", [*CAMPAIGN, "psm"], jobs)
    table = aggregate.csdr_table(found)
    print(f"\n{table.title}, {table.aggregation}: 94 excerpts of 7 s (the campaign's 50 songs)")
    print(f"  {'':8}" + "".join(f"{stem:>18}" for stem in table.columns))
    campaign = {
        (label, stem): float(np.nanmedian(sisec.campaign().of(system, stem, "SDR")))
        for label, system in CAMPAIGN.items()
        for stem in table.columns
    }
    ours = {}
    for row in table.rows:
        cells = []
        for stem, value in zip(table.columns, row.values, strict=True):
            ours[row.label, stem] = value
            theirs = campaign.get((row.label, stem), math.nan)
            cells.append(f"{value:9.2f} ({theirs:6.2f})")
        print(f"  {row.label:8}" + "".join(cells))
    for stem in table.columns:
        orders = [sorted(CAMPAIGN, key=lambda label: of[label, stem]) for of in (ours, campaign)]
        same = "as the campaign" if orders[0] == orders[1] else f"campaign: {' < '.join(orders[1])}"
        print(f"  {stem}: {' < '.join(orders[0])}; {same}")
    print("  mwf less irm2, median over tracks of the difference (the campaign's):")
    for stem in table.columns:
        one, other = (aggregate.track_values(found, stem)[name] for name in ("mwf", "irm2"))
        difference = np.nanmedian([one[track] - other[track] for track in one])
        theirs = np.nanmedian(
            sisec.campaign().of("MWF", stem, "SDR") - sisec.campaign().of("IRM2", stem, "SDR")
        )
        print(f"    {stem:14} {difference:6.2f} ({theirs:5.2f})")


def direct(data: Path, output: Path, count: int) -> None:
    import museval

    version = metadata.version("museval")
    print(f"\nAgainst museval {version}, largest difference in dB over all frames")
    tracks = datasets.load("musdb18", data / "musdb18-7s", "train")
    for track in tracks[:: len(tracks) // count][:count]:
        mix = track.mix()
        stems = {stem: track.stem(stem) for stem in track.stems}
        targets = OrderedDict(
            (name, SimpleNamespace(audio=track.stem(name).T.astype(np.float64)))
            for name in track.stem_names
        )
        theirs_track = SimpleNamespace(
            name=track.name, rate=track.sample_rate_hz, subset="train", targets=targets
        )
        for name in CAMPAIGN:
            waves = oracles.oracle(name, mix, stems, BSS_EVAL_V4)
            parts = [stem for stem in stems if stem != "vocals"]
            waves["accompaniment"] = pairing.total(waves, parts)
            estimates = {stem: wave.T.astype(np.float64) for stem, wave in waves.items()}
            theirs = museval.eval_mus_track(theirs_track, estimates)
            path = output / "musdb18" / name / "train" / f"{scores.safe(track.name)}.json"
            ours = scores.read(path)
            worst = dict.fromkeys(METRICS, 0.0)
            for target in theirs.scores["targets"]:
                for n, frame in enumerate(target["frames"]):
                    for metric in METRICS:
                        a = float(frame["metrics"][metric])
                        b = ours.targets[target["name"]][metric][n]
                        assert math.isnan(a) == math.isnan(b), (track.name, name, target["name"])
                        if not math.isnan(a):
                            worst[metric] = max(worst[metric], abs(a - b))
            words = ", ".join(f"{metric} {value:.5f}" for metric, value in worst.items())
            print(f"  {track.name:40} {name:8} {words}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="the folder with mir-1k and musdb18-7s")
    parser.add_argument("output", type=Path, help="folder for the scores")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--direct", type=int, default=3, help="tracks to score with museval too")
    given = parser.parse_args()
    mir_1k(given.data, given.output, given.jobs)
    musdb(given.data, given.output, given.jobs)
    direct(given.data, given.output, given.direct)


if __name__ == "__main__":
    main()
