"""What a CUDA card does through a catalogue: seconds of sound a second, by Spleeter and HT Demucs.

    python -m benchmarks.cluster.card                          # on a machine with a card
    python -m benchmarks.cluster.card --device cpu --small     # the program itself, anywhere

It takes less than eight minutes (`--minutes`): what there is no time for is not begun, and said.
Weights are drawn at random at the published sizes, songs are noise, and nothing is fetched. One
worker has the card, or several share it. `warm` leaves out the rows that each worker does first,
in which the network is loaded; `whole command` is with the start of Ray. `separating` is the share
of the workers' time that the network itself takes; the rest is decoding, writing and waiting.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from benchmarks import untrained
from benchmarks.cuda import SMALL

RATE_HZ = 44_100
AHEAD = 3  # rows that a worker has at a time
MODELS = ("spleeter-2stems", "htdemucs")
SMALL_MODELS = ("htdemucs",)
SMALL_RATE_HZ = 8_000
MARGIN_S = 20.0  # of the time, for what comes after the last run


@dataclass(frozen=True, slots=True)
class Rates:
    """Seconds of sound a second: of warm workers, of the whole command. separating: a share."""

    warm: float
    whole: float
    separating: float


def rates(entries: Sequence[Mapping[str, Any]], workers: int, command_s: float) -> Rates:
    """Of the entries of a run's log (`unweave.cluster.log.Entry`) and what the command took.

    Raises ValueError where too few rows are done for workers to become warm.
    """
    done = sorted((entry for entry in entries if entry["state"] == "done"), key=lambda e: e["at"])
    cold = workers * AHEAD
    if len(done) <= cold:
        raise ValueError(f"{len(done)} rows are done; {cold + 1} are the least")
    warm, whole = done[cold:], sum(entry["duration_s"] for entry in done)
    seconds = warm[-1]["at"] - done[cold - 1]["at"]
    separate_s = sum(entry["separate_s"] for entry in warm)
    return Rates(
        warm=sum(entry["duration_s"] for entry in warm) / seconds if seconds > 0 else math.inf,
        whole=whole / command_s,
        separating=separate_s / (seconds * workers) if seconds > 0 else math.nan,
    )


def in_time(
    what: Sequence[str], minutes: float, do: Callable[[str, float], str], now: Callable[[], float]
) -> list[str]:
    """What `do` says of each, which is given the seconds that are left; then nothing is begun.

    now: a clock, in seconds. What takes longer than the longest before is not begun either.
    """
    ends_s, longest_s, said = now() + 60 * minutes - MARGIN_S, 0.0, list[str]()
    for each in what:
        began_s = now()
        if ends_s - began_s <= longest_s:
            said.append(f"| {each} | no time was left | | |")
            continue
        said.append(do(each, ends_s - began_s))
        longest_s = max(longest_s, now() - began_s)
    return said


def measured(card: Path, folder: Path, name: str, workers: int, how: Any, most_s: float) -> str:
    """A row of the table."""
    from unweave.cluster import log
    from unweave.cluster.catalogue import Catalogue

    share = 1 / workers if how.device == "cuda" else 0.0
    words = ["run", f"{folder}/cat", "-o", f"{folder}/{name}", "--name", name, "-m", str(card)]
    words += ["--actors", f"{workers}", "--cpus-per-actor", f"{how.cpus}", "--device", how.device]
    words += ["--gpus-per-actor", f"{share:.6g}", "--ray", "local", "--json", "-q"]
    began_s = time.perf_counter()
    try:
        command = [sys.executable, "-m", "unweave", "catalogue", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=most_s, check=False)
    except subprocess.TimeoutExpired:
        return f"| {name} | took longer than {most_s:.0f} s | | |"
    seconds = time.perf_counter() - began_s
    if done.returncode:
        return f"| {name} | {done.stderr.strip().splitlines()[-1]} | | |"
    entries = [
        entry
        for batch in log.batches(Catalogue(f"{folder}/cat", name))
        for entry in batch.to_pylist()
    ]
    found = rates(entries, workers, seconds)
    return f"| {name} | {found.warm:.1f} | {found.whole:.1f} | {found.separating:.0%} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=7.5)
    parser.add_argument("--songs", type=int, default=48)
    parser.add_argument("--seconds", type=float, default=60.0, help="of a song")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4], help="on the card")
    parser.add_argument("--cpus", type=int, default=2, help="processors of each worker")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--small", action="store_true", help="a small network and short songs")
    how = parser.parse_args()
    import torch

    if how.device == "cuda" and not torch.cuda.is_available():
        print("error: there is no CUDA card here; --device cpu tries the program", file=sys.stderr)
        sys.exit(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "music").mkdir()
        rng, rate_hz = np.random.default_rng(0), SMALL_RATE_HZ if how.small else RATE_HZ
        for n in range(how.songs):
            noise = 0.1 * rng.standard_normal((round(how.seconds * rate_hz), 2))
            soundfile.write(folder / "music" / f"{n}.wav", noise.astype(np.float32), rate_hz)
        command = [sys.executable, "-m", "unweave", "catalogue", "scan"]
        subprocess.run([*command, f"{folder}/cat", f"{folder}/music", "-q"], check=True)
        made = {}
        for model in SMALL_MODELS if how.small else MODELS:
            settings, segment = SMALL[model] if how.small else ({}, {})
            made[model] = untrained.write(
                folder / "models", model, config=settings, segment=segment,
                sample_rate_hz=SMALL_RATE_HZ if how.small else 0,
            )  # fmt: skip
        runs = {f"{m}-{workers}": (m, workers) for m in made for workers in how.workers}
        print("| model-workers | warm | whole command | separating |\n|---|---|---|---|")

        def do(each: str, most_s: float) -> str:
            model, workers = runs[each]
            return measured(made[model], folder, each, workers, how, most_s)

        for line in in_time([*runs], how.minutes, do, time.monotonic):
            print(line, flush=True)
    card = torch.cuda.get_device_name() if how.device == "cuda" else "no card"
    facts = {"card": card, "torch": torch.__version__, "songs": how.songs, "seconds": how.seconds}
    print(f"\n{json.dumps(facts)}")


if __name__ == "__main__":
    main()
