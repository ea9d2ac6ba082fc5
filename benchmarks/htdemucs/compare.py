"""unweave against the original HT Demucs: agreement and speed of a separation, in one run.

    benchmarks/htdemucs/install.sh && .venv/bin/unweave models pull htdemucs
    .venv/bin/python benchmarks/htdemucs/compare.py SONG [--seconds 30 120] [--pairs 5]

Each length is the beginning of the song, decoded once. The original runs in three ways: one
thread, as many threads as there are cores, and as many workers of one thread each (its `-j`); the
quickest of them in a first round is who unweave is compared with, or the `--way` that was the
quickest of a shorter piece. Pairs are taken in turn, original first, so that a machine that drifts
drifts for both. What is timed lies between a decoded wave in memory and its stems in memory, warm,
unweave's malloc set as the command line sets it. Figures are medians, ratios medians of the ratios.
`--speed` leaves the agreement out. Agreement is how far the difference lies below a stem; below the
mix where the stem itself lies 40 dB below that.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

HERE = Path(__file__).resolve().parent
STEMS = ("drums", "bass", "other", "vocals")
QUIET_DB = -40
ORIGINAL_NAMES = """
import json, sys
from demucs.htdemucs import HTDemucs
network = HTDemucs(["drums", "bass", "other", "vocals"], bottom_channels=512, dconv_mode=3)
print(json.dumps({name: list(value.shape) for name, value in network.state_dict().items()}))
"""
OURS = """
import json, sys, time
import numpy as np, soundfile
import unweave
from unweave.engine import allocator
allocator.settle()
wave, rate = soundfile.read(sys.argv[1], dtype="float32", always_2d=True)
wave = np.ascontiguousarray(wave.T)
options = json.loads(sys.argv[4])
calls = []
for _ in range(1 + int(sys.argv[3])):
    start = time.perf_counter()
    stems = unweave.separate(wave, rate, model="htdemucs", device="cpu", **options)
    calls.append(time.perf_counter() - start)
for name in ("drums", "bass", "other", "vocals"):
    np.save(f"{sys.argv[2]}/{name}.npy", stems[name])
print(json.dumps({"first_s": calls[0], "warm_s": calls[1:]}))
"""


def names() -> dict[str, str]:
    """Our name of each of the original's parameters."""
    from unweave.models.htdemucs.convert import convert

    python = str(HERE / ".venv" / "bin" / "python")
    said = subprocess.run([python, "-c", ORIGINAL_NAMES], check=True, capture_output=True).stdout
    shapes = json.loads(said)
    marked = {name: np.full(shape, n, "f4") for n, (name, shape) in enumerate(shapes.items())}
    ours = {int(array.flat[0]): name for name, array in convert({"": marked}).items()}
    return {theirs: ours[n] for n, theirs in enumerate(shapes)}


def run(command: list[str]) -> dict:
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout.splitlines()[-1])


def original(song: Path, folder: Path, repeat: int, way: dict[str, int]) -> dict:
    from unweave.models import cards, store

    weights = store.path(cards.card("htdemucs"))
    command = [HERE / ".venv" / "bin" / "python", HERE / "original.py", song, weights, folder]
    options = [f"--{key}={value}" for key, value in {"repeat": repeat, **way}.items()]
    return run([*map(str, command), *options])


def ours(song: Path, folder: Path, repeat: int, options: dict) -> dict:
    arguments = [str(song), str(folder), str(repeat), json.dumps(options)]
    return run([sys.executable, "-c", OURS, *arguments])


def agreement_db(song: Path, theirs: Path, own: Path) -> dict[str, float]:
    def energy(wave: np.ndarray) -> float:
        return float(np.square(wave, dtype=np.float64).sum())

    mix, _ = soundfile.read(song, dtype="float32")
    found = {}
    for stem in STEMS:
        want, got = np.load(theirs / f"{stem}.npy"), np.load(own / f"{stem}.npy")
        quiet = energy(want) < energy(mix) * 10 ** (QUIET_DB / 10)
        found[stem] = 10 * np.log10(energy(mix if quiet else want) / energy(want - got))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("song", type=Path)
    parser.add_argument("--seconds", type=int, nargs="+", default=[30, 120])
    parser.add_argument("--pairs", type=int, default=5, help="0: agreement only")
    parser.add_argument("--speed", action="store_true", help="no agreement")
    parser.add_argument("--way", type=int, choices=(1, 2, 3), help="skip the first round")
    parser.add_argument("--precision", default="float32")
    arguments = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    ways = [{"threads": 1}, {"threads": cores}, {"threads": 1, "workers": cores}]
    options = {} if arguments.precision == "float32" else {"precision": arguments.precision}
    wave, rate = soundfile.read(arguments.song, dtype="float32", always_2d=True)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        theirs, own = Path(name, "original"), Path(name, "own")
        theirs.mkdir()
        own.mkdir()
        (theirs / "names.json").write_text(json.dumps(names()))
        for seconds in arguments.seconds:
            song = Path(name, f"{seconds}.wav")
            soundfile.write(song, wave[: seconds * rate], rate, subtype="FLOAT")
            if not arguments.speed:
                original(song, theirs, 0, ways[-1])
                ours(song, own, 0, options)
                for stem, level in agreement_db(song, theirs, own).items():
                    print(f"{seconds} s, {stem}: {level:.1f} dB", flush=True)
            if not arguments.pairs:
                continue
            if arguments.way is None:
                first = [original(song, theirs, 0, way)["first_s"] for way in ways]
                for way, found in zip(ways, first, strict=True):
                    print(f"{seconds} s, original with {way}: {found:.2f} s", flush=True)
                best = ways[first.index(min(first))]
            else:
                best = ways[arguments.way - 1]
            pairs = [
                (
                    original(song, theirs, 1, best)["warm_s"][0],
                    ours(song, own, 1, options)["warm_s"][0],
                )
                for _ in range(arguments.pairs)
            ]
            ratios = [a / b for a, b in pairs]
            a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
            rows.append(
                f"| {seconds} s | {a:.1f} s | {b:.1f} s | {statistics.median(ratios):.2f} | "
                f"{min(ratios):.2f} to {max(ratios):.2f} |"
            )
    if rows:
        print("\n| stereo, warm | original | unweave | ratio | from pair to pair |")
        print("\n".join(["|---|---|---|---|---|", *rows]))


if __name__ == "__main__":
    main()
