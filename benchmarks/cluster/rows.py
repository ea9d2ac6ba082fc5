"""What a catalogue costs besides separating: scan, run and status of rows that take no time.

    python -m benchmarks.cluster.rows --rows 1000 10000 100000

The rows are addresses of a list that nobody looks at, and a worker says at once that a row is done.
Each step is a process of its own, whose peak of memory is its own; the workers' is not in it.
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
from unweave.cluster.log import DONE, Entry, Made
from unweave.cluster.run import Workers, run
from unweave.cluster.scan import scan
from unweave.cluster.status import status
from unweave.cluster.work import Task
from unweave.engine.executor import Executor
from unweave.request import SeparationRequest, SeparatorRef

STEMS = ("vocals", "accompaniment")


class Stub:
    """A worker that does nothing."""

    def __init__(self, begun: Run, executor: Executor) -> None:
        self._identity = begun.identity

    def __call__(self, task: Task) -> Entry:
        made = tuple(Made(name=f"{stem}.wav", bytes=1, sha256="0" * 64) for stem in STEMS)
        return Entry(
            row=task.row.row, identity=self._identity, state=DONE, outputs=made, duration_s=1.0
        )


def step(name: str, folder: Path) -> None:
    """One step, and what it took as JSON."""
    catalogue = Catalogue(str(folder / "cat"))
    started = time.perf_counter()
    if name == "scan":
        scan(catalogue, [str(folder / "list.txt")], headers=False)
    elif name == "run":
        separator = SeparatorRef(name="stub", model="stub")
        request = SeparationRequest(separator=separator, stems=STEMS)
        catalogue.begin(Run(request, places.absolute(str(folder / "stems"))))
        begins: list[float] = []

        def on_entry(row: object, entry: object) -> None:
            if not begins:
                begins.append(time.perf_counter())

        run(
            catalogue,
            workers=Workers(number=2, cpus=1, ahead=8),
            ray="local",
            on_entry=on_entry,
            make=lambda begun: partial(Stub, begun),
        )
        started = begins[0]  # the start of Ray is not of the rows
    else:
        status(catalogue)
    seconds = time.perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb}))


def measured(rows: int) -> list[str]:
    """A row of the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "list.txt").open("w") as file:
            file.writelines(f"/nowhere/{n // 1000:04d}/{n}.flac\n" for n in range(rows))
        cells = [f"{rows}"]
        for each in ("scan", "run", "status"):
            command = [sys.executable, "-m", "benchmarks.cluster.rows", "--step", each, name]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            cells += [f"{found['seconds']:.1f} s", f"{found['peak_mb']:.0f} MB"]
            if each == "run":
                cells.insert(-2, f"{rows / found['seconds']:.0f}")
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--step", nargs=2, metavar=("STEP", "FOLDER"))
    how = parser.parse_args()
    if how.step:
        step(how.step[0], Path(how.step[1]))
        return
    head = ["rows", "scan", "memory", "rows a second", "run", "memory", "status", "memory"]
    print("|".join(["", *(f" {cell} " for cell in head), ""]))
    print("|" + "---|" * len(head))
    for rows in how.rows:
        print("|".join(["", *(f" {cell} " for cell in measured(rows)), ""]), flush=True)


if __name__ == "__main__":
    main()
