"""The oracle rows of a benchmark against a direct computation: scipy's transform, museval's scores.

    benchmarks/bss_eval/install.sh
    PYTHON=benchmarks/bss_eval/.venv/bin/python
    $PYTHON -m benchmarks.oracles.direct data/musdb18-7s OUTPUT

OUTPUT is where `benchmarks.oracles.figures` or `unweave benchmark` put the scores. For some of its
tracks, evenly spread, the oracles are computed anew by `campaign.py` and scored by museval itself;
of ours only the decoded stems are used. Prints the largest difference over all stems and frames.
"""

from __future__ import annotations

import argparse
import math
from collections import OrderedDict
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import museval
import numpy as np
from benchmarks.oracles import campaign

from unweave import datasets
from unweave.datasets.track import Track
from unweave.evaluation import scores
from unweave.evaluation.scores import METRICS, TrackScores

NAMES = ("ibm1", "ibm2", "irm1", "irm2", "mwf-sisec")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("root", type=Path, help="the folder musdb18-7s")
    parser.add_argument("output", type=Path, help="the folder with the scores")
    parser.add_argument("--tracks", type=int, default=3)
    parser.add_argument("--names", nargs="+", default=NAMES, choices=NAMES)
    given = parser.parse_args()

    def path(name: str, track: Track) -> Path:
        return scores.path_of(given.output, "musdb18", name, "train", track.name)

    tracks = [track for track in datasets.load("musdb18", given.root, "train")
              if all(path(name, track).exists() for name in given.names)]  # fmt: skip
    print(f"museval {metadata.version('museval')}: largest difference in dB")
    for track in tracks[:: len(tracks) // given.tracks][: given.tracks]:
        stems = {stem: track.stem(stem) for stem in track.stems}
        for name in given.names:
            theirs = direct(track, campaign.estimates(name, track.mix(), stems))
            worst = differences(scores.read(path(name, track)), theirs)
            print(f"  {track.name:40} {name:5} "
                  + ", ".join(f"{m} {v:.5f}" for m, v in worst.items()), flush=True)  # fmt: skip


def direct(track: Track, estimates: dict[str, np.ndarray]) -> list[dict]:
    """museval's own document of the track."""
    targets = OrderedDict(
        (name, SimpleNamespace(audio=track.stem(name).T.astype(np.float64)))
        for name in track.stem_names
    )
    asked = SimpleNamespace(
        name=track.name, rate=track.sample_rate_hz, subset="train", targets=targets
    )
    waves = {name: wave.T for name, wave in estimates.items()}
    return museval.eval_mus_track(asked, waves).scores["targets"]


def differences(ours: TrackScores, theirs: list[dict]) -> dict[str, float]:
    """The largest of each metric; infinite where one has a score and the other has not."""
    worst = dict.fromkeys(METRICS, 0.0)
    for target in theirs:
        for n, frame in enumerate(target["frames"]):
            for metric in METRICS:
                one = float(frame["metrics"][metric])
                other = float(ours.targets[target["name"]][metric][n])
                if math.isnan(one) != math.isnan(other):
                    worst[metric] = math.inf
                elif not math.isnan(one):
                    worst[metric] = max(worst[metric], abs(one - other))
    return worst


if __name__ == "__main__":
    main()
