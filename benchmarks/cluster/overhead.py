"""What Ray costs: songs by a catalogue's workers, and the same songs by `unweave separate --jobs`.

    python -m benchmarks.cluster.overhead --songs 100 --seconds 30 --workers 2
    python -m benchmarks.cluster.overhead --songs 40 --model htdemucs --workers 1 --gpus 1

Both are whole commands, from their start to their end, and take turns; the songs are noise.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 44100
UNWEAVE = [sys.executable, "-m", "unweave"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--songs", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--model", default="spleeter-2stems")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cpus", type=int, default=1, help="processors of each worker")
    parser.add_argument("--gpus", type=float, default=0.0, help="cards of each worker")
    parser.add_argument("--pairs", type=int, default=1)
    how = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "music").mkdir()
        rng = np.random.default_rng(0)
        for n in range(how.songs):
            noise = 0.1 * rng.standard_normal((round(how.seconds * RATE_HZ), 2))
            soundfile.write(folder / "music" / f"{n}.wav", noise.astype(np.float32), RATE_HZ)
        _timed(["catalogue", "scan", f"{folder}/cat", f"{folder}/music"])
        ray, plain = [], []
        for pair in range(how.pairs):
            run = ["catalogue", "run", f"{folder}/cat", "-o", f"{folder}/ray{pair}"]
            run += ["--name", f"run{pair}", "-m", how.model, "--ray", "local", "-q"]
            run += ["--actors", f"{how.workers}", "--cpus-per-actor", f"{how.cpus}"]
            ray.append(_timed([*run, "--gpus-per-actor", f"{how.gpus:g}"]))
            jobs = ["separate", f"{folder}/music", "-o", f"{folder}/plain{pair}", "-q"]
            plain.append(_timed([*jobs, "-m", how.model, "--jobs", f"{how.workers}"]))
    sound_s = how.songs * how.seconds
    print("| | whole command | times real time | ratio |")
    print("|---|---|---|---|")
    for what, seconds in (("catalogue run", ray), ("separate --jobs", plain)):
        took = statistics.median(seconds)
        ratio = took / statistics.median(plain)
        print(f"| {what} | {took:.1f} s | {sound_s / took:.1f} | {ratio:.2f} |")


def _timed(words: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run([*UNWEAVE, *words], check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
