"""Kill workers, drivers and machines of a catalogue's run at random moments, stop its store, and
see that nothing is lost, done twice or left over.

    python -m benchmarks.cluster.chaos --moments 40

needs s3fs, and SeaweedFS as the store (`benchmarks/cluster/install.sh`), which answers on 127.0.0.1
and goes on with its files when it is killed. With `--moto` it is moto's, which is stopped only.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from benchmarks.cluster.stores import Store, store

RATE_HZ = 8000
MODEL = "hpss"
ACTOR, NODE, DRIVER = "worker killed", "machine killed", "driver killed"
PAUSED, RESTARTED = "store stopped", "store killed and started"
UNWEAVE = [sys.executable, "-m", "unweave", "catalogue"]


@dataclass
class Verdict:
    """What was done to the runs, and what is wrong with what came of them.

    runs: catalogues that were worked through to the end. rows, done, failed: of all of them.
    """

    actions: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    rows: int = 0
    done: int = 0
    failed: int = 0
    faults: list[str] = field(default_factory=list)


def chaos(
    moments: int, recordings: int, seed: int, pause_s: float, restarts: bool = True
) -> Verdict:
    """moments: how often something is killed or stopped. pause_s: that the store is away.

    restarts: the store is SeaweedFS and is killed as well; else it is moto's.
    """
    import fsspec

    draw, verdict = random.Random(seed), Verdict()
    with (
        tempfile.TemporaryDirectory() as folder,
        store(Path(folder) / "store" if restarts else None) as server,
    ):
        fs = fsspec.filesystem("s3", use_listings_cache=False)
        fs.mkdir("sound")
        fs.mkdir("catalogue")
        rng = np.random.default_rng(seed)
        for n in range(recordings):
            file = Path(folder) / "song.wav"
            noise = 0.1 * rng.standard_normal((RATE_HZ * (1 + n % 5), 2))
            soundfile.write(file, noise.astype(np.float32), RATE_HZ)
            fs.put_file(str(file), f"sound/{n}.wav")
        fs.pipe_file("sound/broken.wav", b"no sound")
        at = "s3://catalogue/cat"
        run = [*UNWEAVE, "run", at, "-o", "s3://catalogue/stems", "-m", MODEL, "--ray", "local"]
        run += ["--cpus-per-actor", "1", "--actors", "2", "--json"]
        what = [ACTOR, ACTOR, NODE, DRIVER, PAUSED, *([RESTARTED] if restarts else [])]
        while verdict.actions.total() < moments:
            # From an empty log, as often as all is done before enough was broken.
            if fs.exists("catalogue/cat"):
                fs.rm("catalogue/cat", recursive=True)
            if fs.exists("catalogue/stems"):
                fs.rm("catalogue/stems", recursive=True)
            subprocess.run([*UNWEAVE, "scan", at, "s3://sound"], check=True, capture_output=True)
            process = _started(run)
            while verdict.actions.total() < moments:
                if _at_work(process):
                    time.sleep(draw.uniform(0, 3))
                    action = draw.choice(what)
                    if _done(action, process, server, draw, pause_s):
                        verdict.actions[action] += 1
                        print(f"{verdict.actions.total()}: {action}", file=sys.stderr, flush=True)
                elif _all_settled(at):
                    break
                if process.poll() is not None:
                    process = _started(run)
            process.wait()
            for verb in ("run", "retry", "retry"):
                words = [*UNWEAVE, verb, at, "--ray", "local", "--json"]
                subprocess.run(words, capture_output=True, check=False)
            _judge(at, fs, recordings, verdict)
    return verdict


def _judge(at: str, fs, recordings: int, verdict: Verdict) -> None:
    """Add what came of a catalogue: `recordings` that are sound, and one that is not."""
    from unweave.cluster import log, manifest
    from unweave.cluster.catalogue import Catalogue
    from unweave.cluster.run import DIED
    from unweave.cluster.verify import verify

    catalogue, faults = Catalogue(at), list[str]()
    identity, rows = catalogue.begun().identity, [*manifest.rows(catalogue)]
    states = log.states(catalogue, identity, len(rows)).tolist()
    table, _ = log.last(catalogue, identity, len(rows))
    entries = table.to_pylist()
    done = Counter(entry["row"] for entry in entries if entry["state"] == log.DONE)
    if states.count(log.IS_DONE) != recordings:
        faults.append(f"{states.count(log.IS_DONE)} of {recordings} rows are done")
    if states.count(log.HAS_FAILED) != 1:
        faults.append("the broken recording is not the one that failed")
    faults += [f"row {row} was done {n} times" for row, n in done.items() if n > 1]
    faults += [
        f"row {entry['row']} failed without a reason"
        for entry in entries
        if entry["state"] == log.FAILED and not entry["reason"]
    ]
    faults += [
        f"row {entry['row']} failed for a while: {entry['reason']}"
        for entry in entries
        if entry["state"] == log.FAILED and entry["kind"] != DIED and done[entry["row"]]
    ]
    verify(catalogue, on_fault=lambda fault: faults.append(fault.why))
    prefix = catalogue.begun().output.removeprefix("s3://")
    expected = {
        f"{entry['folder'].removeprefix('s3://')}/{name}"
        for entry in entries
        if entry["state"] == log.DONE
        for name in (*(file["name"] for file in entry["outputs"]), "report.json")
    }
    there = set(fs.find(prefix))
    faults += [f"{name} belongs to no row" for name in there - expected]
    faults += [f"{name} is not there" for name in expected - there]
    verdict.runs += 1
    verdict.rows += len(rows)
    verdict.done += states.count(log.IS_DONE)
    verdict.failed += states.count(log.HAS_FAILED)
    verdict.faults += faults


def _started(run: list[str]) -> subprocess.Popen:
    return subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _at_work(process: subprocess.Popen) -> bool:
    """Wait until the run has an actor; False where it ended before."""
    while process.poll() is None:
        if _below(process.pid, "ray::Actor"):
            return True
        time.sleep(0.2)
    return False


def _all_settled(at: str) -> bool:
    found = subprocess.run([*UNWEAVE, "status", at, "--json"], capture_output=True, check=False)
    return found.returncode == 0 and json.loads(found.stdout).get("left") == 0


def _done(
    action: str,
    process: subprocess.Popen,
    server: Store,
    draw: random.Random,
    pause_s: float,
) -> bool:
    """Whether there was something to do it to."""
    if process.poll() is not None:
        return False
    if action == PAUSED:
        server.pause(pause_s)
        return True
    if action == RESTARTED:
        server.restart(pause_s)
        return True
    if action == DRIVER:
        process.kill()
        process.wait()
        return True
    found = _below(process.pid, "ray::Actor" if action == ACTOR else "raylet/raylet")
    if found:
        with suppress(ProcessLookupError):
            os.kill(draw.choice(found), signal.SIGKILL)
        if action == NODE:
            # The only machine is gone: the run cannot go on, and whoever looks after it ends it.
            time.sleep(5)
            process.kill()
            process.wait()
    return bool(found)


def _below(root: int, words: str) -> list[int]:
    """Processes that a process started, and those that these did, with `words` in their command."""
    parents, commands = dict[int, int](), dict[int, str]()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                stat = (entry / "stat").read_text()
                parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
                commands[int(entry.name)] = (entry / "cmdline").read_text()
    found = []
    for each, command in commands.items():
        above = each
        while above in parents and above != root:
            above = parents[above]
        if above == root and each != root and words in command:
            found.append(each)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--moments", type=int, default=40)
    parser.add_argument("--recordings", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pause", type=float, default=20.0, help="seconds that the store is away")
    parser.add_argument("--moto", action="store_true", help="moto's store, which is not restarted")
    how = parser.parse_args()
    verdict = chaos(how.moments, how.recordings, how.seed, how.pause, restarts=not how.moto)
    print("| what happened | times |")
    print("|---|---|")
    for action, times in sorted(verdict.actions.items()):
        print(f"| {action} | {times} |")
    print()
    print("| catalogues | rows | done | failed, with a reason | faults |")
    print("|---|---|---|---|---|")
    found = (verdict.runs, verdict.rows, verdict.done, verdict.failed, len(verdict.faults))
    print("|".join(["", *(f" {figure} " for figure in found), ""]))
    for fault in verdict.faults:
        print(f"fault: {fault}", file=sys.stderr)
    sys.exit(bool(verdict.faults))


if __name__ == "__main__":
    main()
