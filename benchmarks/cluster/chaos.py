"""Kill workers, drivers and machines of a catalogue's run at random moments, stop its store, and
see that nothing is lost, done twice or left over.

    python -m benchmarks.cluster.chaos --moments 40

needs moto and s3fs (`pip install 'unweave[test]'`). An object store of moto's answers on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 8000
MODEL = "hpss"
ACTOR, NODE, DRIVER, STORE = "actor", "node", "driver", "store"
UNWEAVE = [sys.executable, "-m", "unweave", "catalogue"]


@contextmanager
def store() -> Iterator[subprocess.Popen]:
    """An object store of this machine; the environment says where it is."""
    from s3fs import S3FileSystem

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": address,
    }
    S3FileSystem.clear_instance_cache()  # they are of another store
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, **quiet)
    try:
        for _ in range(600):
            with suppress(OSError), urllib.request.urlopen(address, timeout=5):
                break
            time.sleep(0.1)
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


@dataclass
class Verdict:
    """What was done to the run, and what is wrong with what came of it."""

    actions: Counter[str]
    rows: int
    done: int
    failed: int
    faults: list[str]


def chaos(moments: int, recordings: int, seed: int, pause_s: float) -> Verdict:
    """moments: how often something is killed or stopped. pause_s: of the store that is stopped."""
    import fsspec

    draw, actions = random.Random(seed), Counter[str]()
    with tempfile.TemporaryDirectory() as folder, store() as server:
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
        subprocess.run([*UNWEAVE, "scan", at, "s3://sound"], check=True, capture_output=True)
        run = [*UNWEAVE, "run", at, "-o", "s3://catalogue/stems", "-m", MODEL, "--ray", "local"]
        run += ["--cpus-per-actor", "1", "--actors", "2", "--json"]
        process = None
        while actions.total() < moments:
            if process is None or process.poll() is not None:
                process = _started(run)
            if not _at_work(process):
                continue
            time.sleep(draw.uniform(0, 3))
            action = draw.choice([ACTOR, ACTOR, NODE, DRIVER, STORE])
            if _done(action, process, server, draw, pause_s):
                actions[action] += 1
            if process.poll() == 0 or (process.poll() == 1 and _all_settled(at)):
                # All is done before enough was broken: again, from an empty log.
                fs.rm("catalogue", recursive=True)
                fs.mkdir("catalogue")
                subprocess.run([*UNWEAVE, "scan", at, "s3://sound"], check=True)
        if process is not None:
            process.wait()
        for verb in ([*run], [*UNWEAVE, "retry", at, "--json"], [*UNWEAVE, "retry", at, "--json"]):
            subprocess.run(verb, capture_output=True, check=False)
        return _judged(at, fs, actions, recordings)


def _judged(at: str, fs, actions: Counter[str], recordings: int) -> Verdict:
    from unweave.cluster import log, manifest
    from unweave.cluster.catalogue import Catalogue
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
    verify(catalogue, on_fault=lambda fault: faults.append(fault.why))
    prefix = catalogue.begun().output.removeprefix("s3://")
    expected = {
        f"{entry['folder'].removeprefix('s3://')}/{name}"
        for entry in entries
        if entry["state"] == log.DONE
        for name in (*(file["name"] for file in entry["outputs"]), "report.json")
    }
    faults += [f"{name} belongs to no row" for name in set(fs.find(prefix)) - expected]
    faults += [f"{name} is not there" for name in expected - set(fs.find(prefix))]
    failed = states.count(log.HAS_FAILED)
    return Verdict(actions, len(rows), states.count(log.IS_DONE), failed, faults)


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
    found = subprocess.run([*UNWEAVE, "status", at, "--json"], capture_output=True, check=True)
    return json.loads(found.stdout)["left"] == 0


def _done(
    action: str,
    process: subprocess.Popen,
    server: subprocess.Popen,
    draw: random.Random,
    pause_s: float,
) -> bool:
    """Whether there was something to do it to."""
    if process.poll() is not None:
        return False
    if action == STORE:
        server.send_signal(signal.SIGSTOP)
        time.sleep(pause_s)
        server.send_signal(signal.SIGCONT)
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
    parser.add_argument("--pause", type=float, default=20.0)
    how = parser.parse_args()
    verdict = chaos(how.moments, how.recordings, how.seed, how.pause)
    print(
        f"{dict(verdict.actions)}: {verdict.done} of {verdict.rows} done, {verdict.failed} failed"
    )
    for fault in verdict.faults:
        print(f"fault: {fault}")
    sys.exit(bool(verdict.faults))


if __name__ == "__main__":
    main()
