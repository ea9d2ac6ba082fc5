"""What a catalogue costs besides separating: scan, run and status of rows that take no time.

    python -m benchmarks.cluster.rows --rows 1000 100000 1000000

The rows are addresses of a list that nobody looks at, and a worker says at once that a row is done.
Each step is a process of its own, whose peak of memory is its own; the workers' is not in it. A run
is stopped after a while: how fast rows go does not depend on how many there are.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from unweave.cluster import places
from unweave.cluster.catalogue import Catalogue, Run
from unweave.cluster.kinds import Separate
from unweave.cluster.log import DONE, Entry, Made
from unweave.cluster.manifest import Row
from unweave.cluster.run import run
from unweave.cluster.scan import scan
from unweave.cluster.status import status
from unweave.cluster.workers import Workers
from unweave.engine.executor import Executor
from unweave.request import SeparationRequest, SeparatorRef

STEMS = ("vocals", "accompaniment")


class Stub:
    """A worker that does nothing."""

    def __init__(self, begun: Run, executor: Executor) -> None:
        self._identity = begun.identity

    def __call__(self, row: Row) -> Entry:
        made = tuple(Made(name=f"{stem}.wav", bytes=1, sha256="0" * 64) for stem in STEMS)
        return Entry(row=row.row, identity=self._identity, state=DONE, outputs=made, duration_s=1.0)


def step(name: str, folder: Path, most_s: float) -> None:
    """One step, and what it took as JSON."""
    catalogue = Catalogue(str(folder / "cat"))
    started, count = time.perf_counter(), 0
    if name == "scan":
        scan(catalogue, [str(folder / "list.txt")], headers=False)
    elif name == "run":
        separator = SeparatorRef(name="stub", model="stub")
        request = SeparationRequest(separator=separator, stems=STEMS)
        catalogue.begin(Run(Separate(request), places.absolute(str(folder / "stems"))))
        begins: list[float] = []

        def on_entry(row: object, entry: object) -> None:
            if not begins:
                begins.append(time.perf_counter())

        def should_stop() -> bool:
            return bool(begins) and time.perf_counter() - begins[0] > most_s

        count = run(
            catalogue,
            workers=Workers(ray="local", actors=2, cpus_per_actor=1, ahead=8),
            on_entry=on_entry,
            should_stop=should_stop,
            make=lambda begun: partial(Stub, begun),
        ).done
        started = begins[0]  # the start of Ray is not of the rows
    else:
        status(catalogue)
    seconds = time.perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb, "count": count}))


def measured(rows: int, most_s: float) -> list[str]:
    """A row of the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "list.txt").open("w") as file:
            file.writelines(f"/nowhere/{n // 1000:04d}/{n}.flac\n" for n in range(rows))
        cells = [f"{rows}"]
        for each in ("scan", "run", "status"):
            command = [sys.executable, "-m", "benchmarks.cluster.rows", "--step", each, name]
            command += ["--most-s", f"{most_s}"]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            if each == "run":
                cells += [f"{found['count']}", f"{found['count'] / found['seconds']:.0f}"]
            else:
                cells.append(f"{found['seconds']:.1f} s")
            cells.append(f"{found['peak_mb']:.0f} MB")
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--most-s", type=float, default=30.0, help="of a run")
    parser.add_argument("--step", nargs=2, metavar=("STEP", "FOLDER"))
    how = parser.parse_args()
    if how.step:
        step(how.step[0], Path(how.step[1]), how.most_s)
        return
    head = ["rows", "scan", "memory", "run", "a second", "memory", "status", "memory"]
    print("|".join(["", *(f" {cell} " for cell in head), ""]))
    print("|" + "---|" * len(head))
    for rows in how.rows:
        print("|".join(["", *(f" {cell} " for cell in measured(rows, how.most_s)), ""]), flush=True)


if __name__ == "__main__":
    main()
