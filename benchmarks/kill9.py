"""kill -9 at random moments: is there ever a file under a final name that is not complete?

    .venv/bin/python benchmarks/kill9.py SONG [--times 50] [--seed 0]

Two runs that are not disturbed set the length of a run and the right bytes: one with the default
options, one with `--bandwidth model`. Half of the further runs write into an empty folder, the
other half write the second run's stems over the first run's (`--overwrite`). Of either half, every
second run is killed at a random moment, the others within 20 ms of the first change of a stem.
Then must hold:

- every visible stem has the bytes of one of the two runs
- a report, if there is one, names only files with the hashes that it says
- the same command again succeeds, leaves the right bytes and no hidden file
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
from collections import Counter
from pathlib import Path


def stems(folder: Path) -> dict[str, str]:
    """SHA-256 of all visible files but reports."""
    files = [p for p in folder.rglob("*.wav") if not p.name.startswith(".")]
    return {p.relative_to(folder).as_posix(): _sha256(p) for p in files}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def changes(folder: Path) -> dict[str, int]:
    """When each visible stem was written, without reading it."""
    files = [p for p in folder.rglob("*.wav") if not p.name.startswith(".")]
    return {str(p): p.stat().st_ino for p in files}


def check(folder: Path, allowed: dict[str, set[str]]) -> str:
    """Raises SystemExit for what may not be there; says how much is."""
    found = stems(folder)
    for name, digest in found.items():
        if digest not in allowed[name]:
            raise SystemExit(f"{name} is not complete after a kill")
    reports = [p for p in folder.rglob("report*.json") if not p.name.startswith(".")]
    for report in reports:
        for stem in json.loads(report.read_text())["stems"]:
            if _sha256(report.parent / stem["path"]) != stem["sha256"]:
                raise SystemExit(f"{report.name} says what is not so of {stem['path']}")
    if not found:
        return "nothing there"
    return "stems with their report" if reports else "stems without a report"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("song", type=Path)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    base = [sys.executable, "-m", "unweave", "separate", "-q", str(arguments.song)]
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        out, first, second = (Path(name) / part for part in ("out", "first", "second"))
        start = time.perf_counter()
        subprocess.run([*base, "-o", str(first)], check=True)
        length_s = time.perf_counter() - start
        other = [*base, "--bandwidth", "model"]
        subprocess.run([*other, "-o", str(second)], check=True)
        before, after = stems(first), stems(second)
        assert before.keys() == after.keys()
        assert not set(before.values()) & set(after.values())
        for n in range(arguments.times):
            shutil.rmtree(out, ignore_errors=True)
            overwrite = n % 2 == 1
            command = [*other, "-o", str(out), *(["--overwrite"] if overwrite else [])]
            if overwrite:
                shutil.copytree(first, out)
            there = changes(out) if overwrite else {}
            process = subprocess.Popen(command)
            if n % 4 < 2:
                time.sleep(chance.uniform(0, length_s))
            else:
                while process.poll() is None and (not out.exists() or changes(out) == there):
                    time.sleep(0.0005)
                time.sleep(chance.uniform(0, 0.02))
            process.send_signal(signal.SIGKILL)
            process.wait()
            out.mkdir(exist_ok=True)
            allowed = {k: {after[k], before[k]} if overwrite else {after[k]} for k in after}
            found[f"{'over others' if overwrite else 'new folder'}: {check(out, allowed)}"] += 1
            subprocess.run(command, check=True)
            if stems(out) != after:
                raise SystemExit("the same command again did not give the right stems")
            hidden = [p.name for p in out.rglob(".*") if p.suffix != ".lock"]
            if hidden:
                raise SystemExit(f"left over after the next run: {', '.join(hidden)}")
    print(f"| {arguments.times} kills in runs of {length_s:.2f} s: what is there | kills |")
    print("|---|---|")
    for what, count in sorted(found.items()):
        print(f"| {what} | {count} |")
    print("| an incomplete file under a final name | 0 |")


if __name__ == "__main__":
    main()
