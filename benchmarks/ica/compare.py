"""FastICA, AuxIVA and ILRMA beside their peers: the same results, in what time, and how good.

    benchmarks/ica/install.sh
    benchmarks/ica/.venv/bin/python -m benchmarks.ica.compare [--voices data/mir-1k]

Mixtures are synthetic talkers; with `--voices` the rooms hold singers of MIR-1K's train split too.
Ours and theirs are run in turn in one process, from the same mix and the same start to the same
number of rounds; times are medians. Printed is the fastest peer; all of them are lines of the error
output. Agreement is 10 log10 of their energy over that of the difference.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from benchmarks.ica import peers
from scipy.signal import stft
from scripts.technique_pages import line
from tests.separators.mixtures import (
    amari,
    demixed,
    improvement_db,
    mixed_in_each_frequency,
    projected_back,
    sdr_db,
    talkers,
    white_start,
)

from unweave import registry
from unweave.separators import fastica, ilrma
from unweave.separators._shared import iva
from unweave.signal import threads

RATE_HZ = 16000
SECONDS = 10.0
ROUNDS = 30


def our_fastica(given: peers.Arrays) -> np.ndarray:
    """The unmixing matrix, and the sources, which scikit-learn makes as well."""
    start, tolerance = torch.from_numpy(given["start"]), float(given["tolerance"])

    def work(wave: torch.Tensor) -> np.ndarray:
        white, whitener, _ = fastica.whiten(wave, len(start))
        rows = fastica.unmix(white, start, tolerance=tolerance)
        rows.to(white.dtype) @ white
        return (rows @ whitener).numpy()

    return threads.parallel_map(work, [torch.from_numpy(given["mix"])])[0]


def our_spectra(kind: str, given: peers.Arrays) -> np.ndarray:
    """Separated spectra from spectra, projected back, as pyroomacoustics gives them."""

    def work(mix: np.ndarray) -> np.ndarray:
        products, whitener, start = white_start(mix, len(mix))
        if kind == "auxiva":
            rows = iva.rows(products, start, iterations=ROUNDS, model="laplace", step="single")
        else:
            factors = (torch.from_numpy(given[key].copy()) for key in ("spectra", "activations"))
            rows = ilrma.rows(products, start, *factors, iterations=ROUNDS, step="single")
        return projected_back(demixed(rows, whitener, mix), mix[0])

    return threads.parallel_map(work, [given["mix"]])[0]


def ours(kind: str, given: peers.Arrays) -> np.ndarray:
    """What a peer gives for the same."""
    return our_fastica(given) if kind == "fastica" else our_spectra(kind, given)


def cases() -> Iterator[tuple[str, str, peers.Arrays]]:
    """Kind, description, what the peers are given."""
    rng = np.random.default_rng(0)
    for sources in (2, 4):
        mixing = rng.normal(size=(sources, sources))
        yield (
            "fastica",
            f"{sources} x {sources}, {SECONDS:g} s at 16 kHz",
            {
                "mix": (mixing @ talkers(sources, SECONDS)).astype(np.float32),
                "start": rng.normal(size=(sources, sources)),
                "mixing": mixing,
                "contrast": np.array("logcosh"),
                "algorithm": np.array("parallel"),
                "tolerance": np.array(1e-8),
                "iterations": np.array(200),
            },
        )
    for sources in (2, 3):
        images = talkers(sources, SECONDS)
        images = np.stack([images[n] + 0.5 * np.roll(images.sum(0), 5 + n) for n in range(sources)])
        mix = stft(images, nperseg=2048, noverlap=1536)[2].astype(np.complex64)
        # A start means the same to all at this level only: ours has none of its own.
        mix /= np.sqrt(np.mean(np.abs(mix) ** 2, axis=(1, 2), keepdims=True))
        bins, frames = mix.shape[1:]
        spectra, activations = ilrma.factors(sources, bins, frames, 2, seed=0)
        given = {
            "mix": mix,
            "iterations": np.array(ROUNDS),
            "spectra": spectra.numpy(),
            "activations": activations.numpy(),
        }
        shape = f"{sources} x {sources}, {bins} x {frames} bins, {ROUNDS} rounds"
        yield "auxiva", shape, given
        yield "ilrma", shape, given


PEERS = [
    "technique", "work", "fastest peer", "unweave (ms)", "peer (ms)", "times as fast",
    "the same result",
]  # fmt: skip


def beside(repeat: int) -> list[list[str]]:
    rows = []
    for kind, work, given in cases():
        runs = {"unweave": partial(ours, kind, given), **peers.contenders(kind, given)}
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        found: dict[str, np.ndarray] = {}
        for turn in range(repeat + 1):
            for name, run in runs.items():
                begin = time.perf_counter()
                found[name] = run()
                if turn:  # the first warms up
                    seconds[name].append(time.perf_counter() - begin)
        medians = {name: statistics.median(times) for name, times in seconds.items()}
        for name, value in sorted(medians.items(), key=lambda item: item[1]):
            print(kind, work, f"{name:32s} {value * 1e3:8.1f} ms",
                  agreement(kind, found, name), file=sys.stderr)  # fmt: skip
        own = medians.pop("unweave")
        peer = min(medians, key=medians.__getitem__)
        cells = [f"{own * 1e3:.1f}", f"{medians[peer] * 1e3:.1f}", f"{medians[peer] / own:.2f}"]
        rows.append([kind, work, peer, *cells, agreement(kind, found, peer)])
    # The order of the pages: a technique after the other.
    return sorted(rows, key=lambda row: ("fastica", "auxiva", "ilrma").index(row[0]))


def agreement(kind: str, found: dict[str, np.ndarray], name: str) -> str:
    """How near ours is to a peer."""
    if name == "unweave":
        return ""
    if kind == "fastica":
        near = found["unweave"] @ np.linalg.inv(found[name])
        order = np.abs(near).argmax(1)
        signs = np.sign(near[np.arange(len(order)), order])[:, None]
        theirs = signs * found[name][order]
        worst = np.abs(found["unweave"] - theirs).max() / np.abs(theirs).max()
        return f"unmixing within {worst:.1e}"
    if "pyroom" not in name:  # the others begin or scale elsewhere
        return ""
    return f"{sdr_db(found[name], found['unweave']):.1f} dB"


def recovery() -> None:
    """Amari's distance where every frequency has a mixing matrix of its own, 10 s."""
    print("\nAmari distance, talkers mixed by a random matrix in each frequency, mean over them")
    for sources in (2, 3):
        mix, mixing = mixed_in_each_frequency(talkers(sources, SECONDS))
        products, whitener, start = white_start(mix, sources)
        for name in ("auxiva", "ilrma"):
            separator = registry.load(name, sources=sources)
            rows = separator._rows(products, start)
            distance = amari((rows.transpose(0, 1) @ whitener).numpy() @ mixing).mean()
            print(f"  {name}, {sources} x {sources}, defaults: {distance:.4f}")


def voices(folder: Path | None) -> np.ndarray:
    """Pairs of talkers, or of MIR-1K's singers: `(case, source, time)`."""
    if folder is None:
        return np.stack([talkers(2, SECONDS, seed) for seed in range(3)])
    from unweave.audio.reader import Reader

    def sung(name: str, first: int) -> np.ndarray:
        """Clips of a singer one after the other, as long as it takes."""
        paths = sorted((folder / "train").glob(f"{name}_*.flac"))[first:]
        parts: list[np.ndarray] = []
        while sum(map(len, parts)) < SECONDS * RATE_HZ:
            with Reader(paths.pop(0)) as reader:
                parts += [block[1] for block in reader.blocks(RATE_HZ)]
        wave = np.concatenate(parts)[: int(SECONDS * RATE_HZ)]
        return wave / np.sqrt(np.mean(wave**2))

    return np.stack([np.stack([sung("abjones", n), sung("amy", 2 * n)]) for n in (0, 12, 24)])


ROOMS = ["technique", "voices", "echoes (RT60)", "SDR gained (dB)", "by the worst source (dB)"]


def rooms(folder: Path | None) -> list[list[str]]:
    """Two voices and two microphones 6 cm apart in simulated rooms of 6 x 5 x 3 m, in each room the
    mean over three cases."""
    kind = "MIR-1K's singers" if folder else "synthetic talkers"
    found: dict[tuple[str, str], list[list[float]]] = {}
    for key, images in peers.rooms(voices(folder)).items():
        mix = torch.from_numpy(images.sum(0))[None]
        for name in ("auxiva", "ilrma"):
            stems = registry.load(name)(mix, RATE_HZ)[0].numpy()
            gains = improvement_db(images, stems)
            found.setdefault((name, key.split()[0]), []).append(gains)
    return [
        [name, kind, f"{echo} s", f"{np.mean(gains):.1f}", f"{min(map(min, gains)):.1f}"]
        for (name, echo), gains in sorted(found.items())
    ]


def table(columns: list[str], rows: list[list[str]]) -> None:
    print("", *map(line, [columns, ["---"] * len(columns), *rows]), sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("peers", "recovery", "rooms"))
    parser.add_argument("--voices", type=Path, help="the folder of MIR-1K")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    print(f"torch {torch.__version__}, numpy {np.__version__}, {torch.get_num_threads()} threads")
    with torch.inference_mode():
        if options.only in (None, "peers"):
            table(PEERS, beside(options.repeat))
        if options.only in (None, "recovery"):
            recovery()
        if options.only in (None, "rooms"):
            table(ROOMS, rooms(None) + (rooms(options.voices) if options.voices else []))


if __name__ == "__main__":
    main()
