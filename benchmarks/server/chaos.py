"""kill -9 of the service and of its worker at random moments: is a job ever lost, or wrong?

    .venv/bin/python benchmarks/server/chaos.py [--kills 50] [--clients 3] [--seed 0] [--port 8791]

Clients go on asking for jobs while the server or its worker is killed, or a stranger locks the
database. A server that was killed is started again. In the end, with no more kills, must hold:

- every job that a client was told of is there once, and done, or failed with a reason
- the stems of each that is done have the bytes that an undisturbed separation gives
- no client has seen a revision go down, or a job that was done be anything else later
- nothing is left in the folders of jobs but their results
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import unweave
from unweave import Client
from unweave.server.client import ENDED, ServiceError

sys.path.insert(0, str(Path(__file__).parent))
from running import Running, clip

MODEL, SECONDS, SONGS = "hpss", (2.0, 12.0), 8
END_S = 1800.0


class Watched:
    """One client: what it asked for, and what it saw."""

    def __init__(self, address: str, songs: list[Path], stopped: threading.Event, seed: int):
        self._client = Client(address)
        self._songs, self._stopped, self._random = songs, stopped, random.Random(seed)
        self.asked: dict[str, Path] = {}
        self.seen: dict[str, tuple[int, str]] = {}
        self.wrong: list[str] = []
        self.unanswered = 0

    def run(self) -> None:
        """Ask for jobs and look at them, until told to stop."""
        number = 0
        while not self._stopped.is_set():
            song = self._random.choice(self._songs)
            number += 1
            try:
                start = 0.001 * number  # another job each time
                job = self._client.submit(song, model=MODEL, format="wav", start=start)
                self.asked[job["id"]] = song
                self._saw(job)
                self.look()
            except ServiceError as error:
                self.unanswered += 1
                if error.status not in (0, 429, 503):
                    self.wrong.append(f"refused: {error}")
            self._stopped.wait(self._random.uniform(0.2, 2.0))

    def look(self) -> None:
        for job in self._client.jobs():
            self._saw(job)

    def _saw(self, job: dict) -> None:
        before, state = self.seen.get(job["id"], (0, "queued"))
        if job["revision"] < before:
            self.wrong.append(f"{job['id']}: revision {job['revision']} after {before}")
        if state == "done" and job["state"] != "done":
            self.wrong.append(f"{job['id']}: was done, now {job['state']}")
        self.seen[job["id"]] = job["revision"], job["state"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--port", type=int, default=8791)
    given = parser.parse_args()
    draw = random.Random(given.seed)
    done = Counter[str]()
    with tempfile.TemporaryDirectory(prefix="unweave-chaos-") as name:
        folder = Path(name)
        songs = [clip(folder / f"{n}.wav", draw.uniform(*SECONDS), n) for n in range(SONGS)]
        stopped = threading.Event()
        with Running(folder / "data", given.port) as service:
            clients = [
                Watched(service.address, songs, stopped, given.seed + n)
                for n in range(given.clients)
            ]
            threads = [threading.Thread(target=each.run) for each in clients]
            for thread in threads:
                thread.start()
            for n in range(given.kills):
                time.sleep(draw.uniform(0.5, 6.0))
                what = draw.choice(["worker", "worker", "server", "server", "lock"])
                done[what] += 1
                print(f"{n + 1}/{given.kills}: {what}", flush=True)
                if what == "worker":
                    service.kill_worker()
                elif what == "server":
                    service.kill()
                    service.start()
                else:
                    _lock(folder / "data" / "service.sqlite3", draw.uniform(1.0, 4.0))
            stopped.set()
            for thread in threads:
                thread.join()
            wrong = _settled(service, clients) + [line for each in clients for line in each.wrong]
            ends, wrong_bytes = _checked(service, clients, folder)
            wrong += wrong_bytes
    print(f"| jobs asked for | {sum(len(each.asked) for each in clients)} |\n|---|---|")
    for what, count in (*done.items(), *sorted(ends.items())):
        print(f"| {what} | {count} |")
    print(f"| requests without an answer | {sum(each.unanswered for each in clients)} |")
    print(f"| wrong | {len(wrong)} |")
    for line in wrong:
        print(f"wrong: {line}")
    return bool(wrong)


def _lock(database: Path, seconds: float) -> None:
    connection = sqlite3.connect(database, timeout=10, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        pass
    finally:
        connection.close()


def _settled(service: Running, clients: list[Watched]) -> list[str]:
    """Wait for every job to end; what never does."""
    client = Client(service.address)
    deadline = time.monotonic() + END_S
    while time.monotonic() < deadline:
        left = [job["id"] for job in client.jobs() if job["state"] not in ENDED]
        for each in clients:
            each.look()
        if not left:
            return []
        time.sleep(2.0)
    return [f"{id}: never ended" for id in left]


def _checked(
    service: Running, clients: list[Watched], folder: Path
) -> tuple[Counter[str], list[str]]:
    """How jobs ended, and what is wrong with their files."""
    client, wrong, ends = Client(service.address), list[str](), Counter[str]()
    jobs = {job["id"]: job for job in client.jobs()}
    for each in clients:
        for id, song in each.asked.items():
            job = jobs.get(id)
            if job is None:
                wrong.append(f"{id}: lost")
                continue
            ends[job["state"]] += 1
            if job["state"] == "failed" and not job["error"]:
                wrong.append(f"{id}: failed without a reason")
            if job["state"] != "done":
                continue
            options = {"format": "wav", "start": job["options"]["start"]}
            report = unweave.separate_file(song, folder / "own" / id, MODEL, **options)
            expected = {stem["stem"]: stem["sha256"] for stem in report["stems"]}
            out = service.data / "jobs" / id
            for file in job["files"]:
                digest = hashlib.sha256((out / "out" / file["name"]).read_bytes()).hexdigest()
                if digest != file["sha256"] or digest != expected.get(file["stem"], digest):
                    wrong.append(f"{id}: {file['name']} has other bytes")
            left = [path.name for path in out.rglob(".*")] + [
                path.name for path in out.iterdir() if path.name != "out"
            ]
            if left:
                wrong.append(f"{id}: {', '.join(left)} is left")
    return ends, wrong


if __name__ == "__main__":
    sys.exit(main())
