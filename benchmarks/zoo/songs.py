"""Whole songs by unweave and by the originals of MSST's world: how far they lie apart.

    benchmarks/networks/install.sh
    .venv/bin/python -m benchmarks.zoo.songs SONG [--sizes small-mel ...] [--seconds 180]
        [--results FOLDER]

Small networks with the chunk, the step and the channels of published ones, random weights, three
minutes, and two or four chunks over each sample. The song is repeated to that length. Noise far
below it lies in it: in a frame without sound rounding alone decides what a norm gives. The original
runs as `demix_track` of the RoFormers' packages runs it, which is MSST's procedure.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from benchmarks.demucs.compare import agreement_db, decoded
from benchmarks.zoo.sizes import SIZES, TITLES
from benchmarks.zoo.speed import HERE, PEER, RATE_HZ, made, run

SMALL = [name for name in SIZES if name.startswith("small-")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("song", type=Path)
    parser.add_argument("--sizes", nargs="+", choices=SMALL, default=SMALL)
    parser.add_argument("--results", type=Path, default=Path("build") / "zoo")
    parser.add_argument("--seconds", type=int, default=180)
    given = parser.parse_args()
    length = given.seconds * RATE_HZ
    folder = given.results
    folder.mkdir(parents=True, exist_ok=True)
    song = decoded(given.song)
    mix = np.tile(song, (1, -(-length // song.shape[1])))[:, :length]
    mix = mix + 1e-3 * np.random.default_rng(1).standard_normal(mix.shape, dtype=np.float32)
    wave, stems = folder / "song.npy", folder / "song-stems.npy"
    np.save(wave, mix)
    print("| network | chunks over a sample | least of the stems, dB |\n|---|---|---|", flush=True)
    for name in given.sizes:
        for overlap in (2, 4):
            card = made(name, folder, overlap)
            peer = [str(PEER), str(HERE / "original.py"), "run", name]
            run([*peer, str(folder), str(wave), str(stems), "--overlap", str(overlap)])
            want = np.load(stems)
            run([sys.executable, str(HERE / "ours.py"), "run", str(card), str(wave), str(stems)])
            found = agreement_db(want, np.load(stems)[: len(want)], mix)
            print(f"| {TITLES[name]} | {overlap} | {min(found):.1f} |", flush=True)


if __name__ == "__main__":
    main()
