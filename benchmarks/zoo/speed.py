"""unweave against the originals of MSST's world, in sizes of published models: time and memory.

    benchmarks/networks/install.sh
    .venv/bin/python -m benchmarks.zoo.speed [--sizes bs-256x12 ...] [--sounds chunk minute]
        [--pairs 1] [--results FOLDER] [--only original|unweave]

The weights are random, written by the original and read by `unweave models add`. Sound is noise
whose colour is that of music, in memory before and after. Each sample lies in one chunk; chunks of
MDX-Net overlap on both sides, as in audio-separator. Sides are processes of their own and take
turns, the original first, on the number of threads that suits it, unweave's with memory set as the
command line sets it; both warm. Figures are medians, memory is that of the whole process, processor
time what all threads take, agreement how far the difference of the stems lies below the original's.

What is measured lies in the folder of results and is not measured again; `--only` measures one side
and prints no table. The arithmetic is the operations of the products of a chunk of a RoFormer,
at the rate at which a core by itself multiplies large matrices, times the cores.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.zoo.sizes import OPTIONS, PUBLISHED, ROFORMERS, SIZES, TITLES

HERE = Path(__file__).resolve().parent
PEER = HERE.parent / "networks" / ".venv" / "bin" / "python"
RATE_HZ = 44100
MINUTE = 60 * RATE_HZ
SIDES = "original", "unweave"
RATE = """
import os, time, torch
torch.set_num_threads(1)
n = 2048
a, b, out = torch.randn(n, n), torch.randn(n, n), torch.empty(n, n)
took = []
for _ in range(8):
    start = time.thread_time()
    torch.mm(a, b, out=out)
    took.append(time.thread_time() - start)
print(2 * n**3 / min(took) * len(os.sched_getaffinity(0)))
"""


def sound(samples: int) -> np.ndarray:
    """Noise that falls with frequency, `(2, time)`, and is louder in some beats than in others."""
    white = np.random.default_rng(11).standard_normal((2, samples))
    spectrum = np.fft.rfft(white)
    spectrum /= np.sqrt(1 + np.arange(spectrum.shape[1]))
    spectrum[:, : 20 * samples // RATE_HZ] = 0  # Hz
    wave = np.fft.irfft(spectrum, samples)
    beats = 0.5 + 0.5 * np.sin(2 * np.pi * 2 * np.arange(samples) / RATE_HZ)
    return (0.2 * beats * wave / np.abs(wave).max()).astype(np.float32)


def made(name: str, folder: Path, overlap: int = 1) -> Path:
    """The card of a size, with weights that the original drew; made where it is not there yet.

    overlap: the chunks that each sample lies in.
    """
    card = folder / "models" / f"{name}{f'-{overlap}' if overlap > 1 else ''}.toml"
    if not card.exists():
        if not (folder / f"{name}.yaml").exists():
            run([str(PEER), str(HERE / "original.py"), "make", name, str(folder)])
        ending = ".onnx" if SIZES[name][1] == "MDXSeparator" else ".ckpt"
        files = [str(folder / f"{name}{each}") for each in (ending, ".yaml")]
        run([sys.executable, str(HERE / "ours.py"), "add", *files, str(card), str(overlap)])
    return card


def run(command: list[str], limit_s: float | None = None) -> str:
    """What it prints. Raises subprocess.TimeoutExpired where it takes longer."""
    folders = [str(HERE.parents[1] / "src"), str(HERE.parents[1])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(folders)}
    return subprocess.run(
        command, check=True, env=environment, stdout=subprocess.PIPE, text=True, timeout=limit_s
    ).stdout


def once(side: str, name: str, wave: Path, folder: Path) -> dict[str, Any]:
    """One run of one side: seconds and peak of memory."""
    stems = str(folder / f"{wave.stem}-{side}-stems.npy")
    if side == "original":
        words = [str(PEER), str(HERE / "original.py"), "run", name, str(folder), str(wave), stems]
    else:
        card = str(folder / "models" / f"{name}.toml")
        words = [sys.executable, str(HERE / "ours.py"), "run", card, str(wave), stems]
        words += OPTIONS.get(name, ())
    return json.loads(run(words).splitlines()[-1])


def agreement_db(name: str, sound_name: str, folder: Path) -> float:
    stems = [
        np.load(folder / f"{name}-{sound_name}-{side}-stems.npy", mmap_mode="r") for side in SIDES
    ]
    want, got = stems[0], stems[1][: len(stems[0])]  # the original makes no complement
    lost = sum(float(np.square(a.astype(float) - b).sum()) for a, b in zip(want, got, strict=True))
    return 10 * math.log10(sum(float(np.square(a.astype(float)).sum()) for a in want) / lost)


def measure(name: str, sound_name: str, given: argparse.Namespace) -> list[dict[str, Any]]:
    """The runs of a size on a sound, those that are there and those that lack."""
    folder: Path = given.results
    made(name, folder)
    chunk = SIZES[name][2]["audio"]["chunk_size"]
    wave = folder / f"{name}-{sound_name}.npy"
    if not wave.exists():
        np.save(wave, sound(chunk if sound_name == "chunk" else MINUTE))
    kept = folder / f"{name}-{sound_name}.json"
    runs: list[dict[str, Any]] = json.loads(kept.read_text()) if kept.exists() else []
    for pair in range(given.pairs):
        for side in [given.only] if given.only else SIDES:
            if sum(each["side"] == side for each in runs) > pair:
                continue
            runs.append({"side": side, **once(side, name, wave, folder)})
            if {each["side"] for each in runs} == set(SIDES):
                runs[-1]["agreement_db"] = agreement_db(name, sound_name, folder)
            kept.write_text(json.dumps(runs, indent=1))
            print(f"{name}, {sound_name}: {runs[-1]}", file=sys.stderr, flush=True)
    return runs


def operations(name: str, folder: Path) -> float:
    """Those of a chunk."""
    kept = folder / f"{name}-operations.json"
    if not kept.exists():
        card = str(made(name, folder))
        kept.write_text(run([sys.executable, str(HERE / "ours.py"), "count", card]))
    return float(kept.read_text())


def rate(folder: Path) -> float:
    """Operations a second of all cores."""
    kept = folder / "rate.json"
    if not kept.exists():
        kept.write_text(run([sys.executable, "-c", RATE]))
    return float(kept.read_text())


def row(name: str, sound_name: str, runs: list[dict[str, Any]], chunk_s: float | None) -> str:
    by_side = {side: [run for run in runs if run["side"] == side] for side in SIDES}

    def median(key: str) -> tuple[float, float]:
        first, second = (statistics.median(r[key] for r in by_side[side]) for side in SIDES)
        return first, second

    (theirs, ours), busy, memory = median("seconds"), median("busy_s"), median("peak_mb")
    threads = statistics.mode(r["threads"] for r in by_side["original"])
    chunk = SIZES[name][2]["audio"]["chunk_size"]
    length_s = chunk / RATE_HZ if sound_name == "chunk" else MINUTE / RATE_HZ
    floor = "–"
    if chunk_s is not None:
        floor = f"{chunk_s * (1 if sound_name == 'chunk' else -(-MINUTE // chunk)):.1f}"
    agreement = [r["agreement_db"] for r in runs if "agreement_db" in r]
    cells = [
        f"{TITLES[name]}, {length_s:.1f} s", f"{theirs:.1f}", f"{threads}", f"{ours:.1f}",
        f"{theirs / ours:.2f}", f"{busy[0] / busy[1]:.2f}", f"{ours / length_s:.2f}", floor,
        f"{memory[0]:.0f}", f"{memory[1]:.0f}", f"{agreement[-1]:.0f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(PUBLISHED))
    parser.add_argument("--sounds", nargs="+", choices=("chunk", "minute"), default=["chunk"])
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--only", choices=SIDES)
    parser.add_argument("--results", type=Path, default=Path("build") / "zoo")
    parser.add_argument("--prepare", action="store_true", help="make the weights, measure nothing")
    given = parser.parse_args()
    given.results.mkdir(parents=True, exist_ok=True)
    if given.prepare:
        for name in given.sizes:
            made(name, given.results)
            if name in ROFORMERS:
                operations(name, given.results)
        return
    found = {(n, s): measure(n, s, given) for n in given.sizes for s in given.sounds}
    if given.only:
        return
    heads = (
        "network, sound", "original, s", "threads", "unweave, s", "ratio", "of processor time",
        "real-time factor",
        "arithmetic, s", "original, MB", "unweave, MB", "agreement, dB",
    )  # fmt: skip
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for (name, sound_name), runs in found.items():
        chunk_s = None
        if name in ROFORMERS:
            chunk_s = operations(name, given.results) / rate(given.results)
        print(row(name, sound_name, runs, chunk_s))


if __name__ == "__main__":
    main()
