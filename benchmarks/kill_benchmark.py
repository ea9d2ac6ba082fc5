"""kill -9 in the middle of a benchmark, again and again: does it end as one that was never killed?

    .venv/bin/python benchmarks/kill_benchmark.py data/musdb18-7s [--tracks 3] [--jobs 2]

One run is not disturbed. A second one, into another folder, is killed at a random moment and
started again until it comes to its end. After every kill each file that is not hidden must be one
of the first run's, and so must all be in the end, but for what is under `unweave.timing`.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def contents(folder: Path) -> dict[str, str]:
    """What every file of scores says, without what differs from run to run."""
    found = {}
    for path in folder.rglob("[!.]*.json"):
        document = json.loads(path.read_text())
        del document["unweave"]["timing"]
        found[str(path.relative_to(folder))] = json.dumps(document)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("root", type=Path, help="the folder musdb18-7s")
    parser.add_argument("--tracks", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    rows = ["--separator", "spleeter-2stems", "--oracle", "irm2", "--oracle", "mixture"]
    command = [sys.executable, "-m", "unweave", "benchmark", "-q", "--root", str(given.root)]
    command += ["--split", "train", "--tracks", str(given.tracks), "--jobs", str(given.jobs), *rows]
    with tempfile.TemporaryDirectory() as name:
        whole, killed = Path(name) / "whole", Path(name) / "killed"
        start = time.perf_counter()
        subprocess.run([*command, "-o", str(whole)], check=True)
        length_s = time.perf_counter() - start
        right = contents(whole)
        there = [0]
        while True:
            process = subprocess.Popen([*command, "-o", str(killed)])
            try:
                # Long enough to come some way, or a slow start would be all that is ever killed.
                code = process.wait(chance.uniform(0.2, 0.8) * length_s)
                break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
            found = contents(killed)
            if not found.items() <= right.items():
                raise SystemExit("a file that is there after a kill is not that of a whole run")
            there.append(len(found))
        same = contents(killed) == right
        hidden = sum(1 for _ in killed.rglob(".*"))
    print(f"an undisturbed run: {length_s:.1f} s, {len(right)} files")
    print(f"{len(there) - 1} kills, files there after each: {there[1:]}")
    print(f"in the end: exit code {code}, the same files: {same}, hidden ones left: {hidden}")
    raise SystemExit(code or not same)


if __name__ == "__main__":
    main()
