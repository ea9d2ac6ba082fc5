"""kill -9 at random moments: is there ever a file under a final name that is not complete?

    .venv/bin/python benchmarks/kill9.py SONG [--times 50] [--seed 0]

A run that is not disturbed sets the length of a run and the bytes that are right. Of the further
runs one half is killed at a random moment of that length, the other within 20 ms of the moment
when the first stem gets its final name; afterwards every file that is not hidden must have the
right bytes. How many kills left what is printed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def contents(folder: Path, names: bool = False) -> dict[str, str]:
    """SHA-256 of all visible files, or only their names."""
    files = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")]
    if names:
        return dict.fromkeys(map(str, files), "")
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("song", type=Path)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "out"
        command = [sys.executable, "-m", "unweave", "separate", "-q", "-o", str(out)]
        command.append(str(arguments.song))
        start = time.perf_counter()
        subprocess.run(command, check=True)
        length_s = time.perf_counter() - start
        right = contents(out)
        whole = partial = empty = 0
        for n in range(arguments.times):
            shutil.rmtree(out, ignore_errors=True)
            process = subprocess.Popen(command)
            if n % 2:
                time.sleep(chance.uniform(0, length_s))
            else:
                while process.poll() is None and not (out.exists() and contents(out, names=True)):
                    time.sleep(0.0005)
                time.sleep(chance.uniform(0, 0.02))
            process.send_signal(signal.SIGKILL)
            process.wait()
            found = contents(out) if out.exists() else {}
            for file, digest in found.items():
                if file.endswith("report.json"):
                    json.loads((out / file).read_text())  # whole, though its timings differ
                elif right[file] != digest:
                    raise SystemExit(f"{file} is not complete after a kill")
            whole += len(found) == len(right)
            partial += 0 < len(found) < len(right)
            empty += not found
        shutil.rmtree(out, ignore_errors=True)
        subprocess.run(command, check=True)
    print(
        f"{arguments.times} kills in {length_s:.2f} s runs: no incomplete file under a final name"
    )
    print(f"nothing there: {empty}, some complete files: {partial}, all complete: {whole}")


if __name__ == "__main__":
    main()
