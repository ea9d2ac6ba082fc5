"""Many clients at once: are jobs lost or done twice, does memory grow, how long do answers take?

    .venv/bin/python benchmarks/server/load.py [--clients 50] [--jobs 300] [--port 8792]

Each client has its own token. Some cut their uploads and go on with them, some read results slowly.
Meanwhile one more client asks for the state of things, many times a second, and its waits are
measured. One client asks for half of all jobs, and must not hold the others up.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import secrets
import socket
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from unweave import Client
from unweave.server.client import TUS

sys.path.insert(0, str(Path(__file__).parent))
from running import Running, clip

MODEL = "hpss"
SECONDS = 2.0
EVERY_S = 0.05  # between two questions of the one that measures


class Someone(threading.Thread):
    """A client with some jobs, one after the other asked for, then waited for."""

    def __init__(self, number: int, service: Running, token: str, songs: list[Path]) -> None:
        super().__init__()
        self._number, self._service, self._songs = number, service, songs
        self._token = token
        self.client = Client(service.address, token)
        self.wrong: list[str] = []
        self.first_s = 0.0  # until the first job was done
        self.done = 0

    def run(self) -> None:
        try:
            self._work()
        except Exception as error:
            self.wrong.append(f"client {self._number}: {type(error).__name__}: {error}")

    def _work(self) -> None:
        began, jobs = time.monotonic(), []
        for n, song in enumerate(self._songs):
            upload = self._cut(song) if (self._number + n) % 5 == 0 else self.client.upload(song)
            start = 0.001 * n
            jobs.append(self.client.submit({"upload": upload}, model=MODEL, start=start))
        for job in jobs:
            done = self.client.wait(job)
            self.first_s = self.first_s or time.monotonic() - began
            self._read(done)
            self.done += 1

    def _cut(self, song: Path) -> str:
        """An upload that is cut in the middle, and gone on with."""
        data = song.read_bytes()
        name = base64.b64encode(song.name.encode()).decode()
        head = {**TUS, "Upload-Length": str(len(data)), "Upload-Metadata": f"filename {name}"}
        with self.client._asked("POST", "/uploads", None, head) as answer:
            id = answer.headers["Location"].rpartition("/")[2]
        lines = [
            f"PATCH /api/v1/uploads/{id} HTTP/1.1",
            f"Host: 127.0.0.1:{self._service.port}",
            f"Authorization: Bearer {self._token}",
            "Tus-Resumable: 1.0.0",
            "Upload-Offset: 0",
            "Content-Type: application/offset+octet-stream",
            f"Content-Length: {len(data)}",
        ]
        with socket.create_connection(("127.0.0.1", self._service.port)) as line:
            line.sendall("\r\n".join([*lines, "", ""]).encode() + data[: len(data) // 2])
        while True:
            here = self.client._here(id, 0)
            head = {
                **TUS,
                "Upload-Offset": str(here),
                "Content-Type": "application/offset+octet-stream",
            }
            try:
                with self.client._asked("PATCH", f"/uploads/{id}", data[here:], head):
                    return id
            except Exception:  # the service still holds the cut one
                time.sleep(0.2)

    def _read(self, job: dict) -> None:
        """Every file, slowly at times."""
        for file in job["files"]:
            digest = hashlib.sha256()
            path = file["url"].removeprefix("/api/v1")
            with self.client._asked("GET", path) as answer:
                while piece := answer.read(1 << 14):
                    digest.update(piece)
                    if self._number % 7 == 0:
                        time.sleep(0.01)
            if digest.hexdigest() != file["sha256"]:
                self.wrong.append(f"client {self._number}: {file['name']} has other bytes")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--port", type=int, default=8792)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="unweave-load-") as name:
        folder = Path(name)
        tokens = [secrets.token_urlsafe(18) for _ in range(given.clients + 1)]
        (folder / "tokens").write_text("\n".join(tokens) + "\n")
        songs = [clip(folder / f"{n}.wav", SECONDS, n) for n in range(10)]
        each = max(1, given.jobs // 2 // max(1, given.clients - 1))
        greedy = max(1, given.jobs - each * (given.clients - 1))
        more = ("--token-file", str(folder / "tokens"), "--most-waiting", str(given.jobs))
        with Running(folder / "data", given.port, *more) as service:
            clients = [
                Someone(n, service, tokens[n], [songs[(n + m) % 10] for m in range(count)])
                for n in range(given.clients)
                for count in [greedy if n == 0 else each]
            ]
            began = time.monotonic()
            for client in clients:
                client.start()
            waits, memory = _measured(service, tokens[-1], clients)
            took_s = time.monotonic() - began
            wrong = [line for client in clients for line in client.wrong]
            asked = greedy + each * (given.clients - 1)
            twice = _twice(folder / "data" / "service.sqlite3")
    done = sum(client.done for client in clients)
    others = [client.first_s for client in clients[1:] if client.first_s]
    print("| | |\n|---|---|")
    print(f"| jobs asked for, done | {asked}, {done} |")
    print(f"| done twice | {twice} |")
    print(f"| seconds in all | {took_s:.1f} |")
    print(f"| first job of the greedy client | {clients[0].first_s:.1f} s |")
    print(f"| first job of the others, median, latest | {_middle(others)} |")
    if waits:
        ranked = sorted(waits)
        p95 = ranked[int(0.95 * (len(ranked) - 1))]
        print(
            f"| status calls, median, p95, longest | {_ms(statistics.median(ranked))}, "
            f"{_ms(p95)}, {_ms(ranked[-1])} of {len(ranked)} |"
        )
    for what in ("http", "worker", "helpers"):
        values = [sample[what] for sample in memory]
        first, last = values[len(values) // 4], values[-1]
        told = f"{first:.0f}, {last:.0f}, {max(values):.0f} MB"
        print(f"| memory of {what}, early, late, most | {told} |")
    for line in wrong:
        print(f"wrong: {line}")
    return bool(wrong or twice or done != asked)


def _measured(
    service: Running, token: str, clients: list[Someone]
) -> tuple[list[float], list[dict[str, float]]]:
    """The waits of status calls in seconds, and memory once a second, while clients work."""
    client, waits, memory, next_s = Client(service.address, token), [], [], 0.0
    while any(each.is_alive() for each in clients):
        began = time.monotonic()
        client._json("GET", "/jobs?limit=1")
        waits.append(time.monotonic() - began)
        if began > next_s:
            memory.append(service.memory_mb())
            next_s = began + 1.0
        time.sleep(EVERY_S)
    return waits, memory or [service.memory_mb()]


def _twice(database: Path) -> int:
    """Jobs that were started more than once though nothing died."""
    connection = sqlite3.connect(database)
    try:
        return connection.execute("SELECT count(*) FROM jobs WHERE attempts > 1").fetchone()[0]
    finally:
        connection.close()


def _middle(values: list[float]) -> str:
    return f"{statistics.median(values):.1f}, {max(values):.1f} s" if values else "none"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


if __name__ == "__main__":
    sys.exit(main())
