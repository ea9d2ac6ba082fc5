"""How far is the oracle Wiener filter above or below `irm2`, and does the length matter?

    .venv/bin/python -m benchmarks.oracles.lengths data/musdb18-7s

The filter has one spatial covariance for each stem and frequency. Each excerpt of MUSDB18's sample
is taken whole and in pieces of its own, and the covariances are estimated for each piece: the
shorter it is, the better they fit. Printed is, for each stem, the median over tracks of how much
the SDR of the filter, with the campaign's bug (`mwf-sisec`) and without (`mwf`), lies above that
of `irm2`, which has no parameters; SDR is the median over one-second frames, as in BSS Eval v4
(which needs no filters for it).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from unweave import datasets
from unweave.evaluation import oracles, sisec
from unweave.evaluation.scores import BSS_EVAL_V4

STEMS = ("vocals", "drums", "bass", "other", "accompaniment")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("root", type=Path, help="the folder musdb18-7s")
    parser.add_argument("--every", type=int, default=1, help="take each so-many-th track")
    parser.add_argument("--seconds", type=float, nargs="+", default=[1, 2, 3.5, 7])
    given = parser.parse_args()
    rows: dict[str, list[list[float]]] = {}
    tracks = datasets.load("musdb18", given.root, "train")[:: given.every]
    for track in tracks:
        stems = {stem: track.stem(stem) for stem in track.stems}
        waves = {"mix": track.mix(), **stems}
        rate_hz, true = track.sample_rate_hz, stems | {"accompaniment": track.stem("accompaniment")}
        floor = sdr(true, pieces("irm2", waves, waves["mix"].shape[1]), rate_hz)
        for name in ("mwf-sisec", "mwf"):
            for seconds in given.seconds:
                found = pieces(name, waves, round(seconds * rate_hz))
                lead = [a - b for a, b in zip(sdr(true, found, rate_hz), floor, strict=True)]
                rows.setdefault(f"{name}, {seconds:g} s", []).append(lead)
    print(f"{len(tracks)} tracks; SDR of the filter less that of irm2, dB: median (5 %, 95 %)")
    print(f"{'':20}" + "".join(f"{stem:>22}" for stem in STEMS))
    for label, leads in rows.items():
        print(f"{label:20}" + "".join(map(spread, np.array(leads).T)))
    print(f"{'SiSEC 2018, songs':20}" + "".join(spread(
        sisec.campaign().of("MWF", stem, "SDR") - sisec.campaign().of("IRM2", stem, "SDR")
    ) for stem in STEMS))  # fmt: skip


def pieces(name: str, waves: Mapping[str, np.ndarray], size: int) -> dict[str, np.ndarray]:
    """The oracle's estimates, made of pieces of about `size` samples, each by itself."""
    length = waves["mix"].shape[1]
    count = max(1, round(length / size))
    ends = [round(n * length / count) for n in range(count + 1)]
    found: dict[str, list[np.ndarray]] = {}
    for first, last in pairwise(ends):
        part = {stem: wave[:, first:last] for stem, wave in waves.items()}
        for stem, wave in estimates(name, part.pop("mix"), part).items():
            found.setdefault(stem, []).append(wave)
    return {stem: np.concatenate(parts, axis=1) for stem, parts in found.items()}


def estimates(name: str, mix: np.ndarray, stems: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    waves = oracles.oracle(name, mix, stems, BSS_EVAL_V4)
    waves["accompaniment"] = sum(wave for stem, wave in waves.items() if stem != "vocals")
    return waves


def sdr(
    true: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray], rate_hz: int
) -> list[float]:
    """Of each stem the median over frames of one second."""
    values = []
    for stem in STEMS:
        whole = true[stem].shape[1] // rate_hz * rate_hz
        own, error = true[stem][:, :whole], (found[stem] - true[stem])[:, :whole]
        energy, wrong = (
            np.sum(wave.reshape(len(wave), -1, rate_hz) ** 2.0, axis=(0, 2))
            for wave in (own, error)
        )
        scored = (energy > 0) & (wrong > 0)
        ratio = 10 * np.log10(energy[scored] / wrong[scored])
        values.append(float(np.median(ratio)) if ratio.size else float("nan"))
    return values


def spread(values: np.ndarray) -> str:
    low, middle, high = np.nanpercentile(values, [5, 50, 95])
    return f"{f'{middle:.2f} ({low:.2f}, {high:.2f})':>22}"


if __name__ == "__main__":
    main()
