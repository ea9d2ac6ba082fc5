"""A service in processes of its own, which the scripts here kill and load."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import soundfile

from unweave import Client
from unweave.server.client import ServiceError

START_S = 300.0


class Running:
    """`unweave serve` on a data folder. A context manager; `kill` and `start` may follow.

    environment: variables of it besides those of this process.
    """

    def __init__(
        self, data: Path, port: int, *more: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self.data, self.port = data, port
        self._more = more
        self._environment = {**os.environ, **(environment or {})}
        self.process: subprocess.Popen[bytes] | None = None
        self.address = f"http://127.0.0.1:{port}"

    def __enter__(self) -> Running:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(60)
            self.process.kill()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        words = ("serve", "--data", str(self.data), "--port", str(self.port), *self._more)
        log = open(self.data.parent / "service.log", "ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "unweave", *words],
            stdout=log,
            stderr=log,
            env=self._environment,
        )
        log.close()
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with suppress(ServiceError):
                Client(self.address)._json("GET", "/health")
                return
            if self.process.poll() is not None:
                raise SystemExit(f"the service ended with {self.process.returncode}")
            time.sleep(0.1)
        raise SystemExit("the service does not answer")

    def kill(self) -> None:
        """kill -9, as a crash."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def worker(self) -> int | None:
        """The process that holds the lock of the worker."""
        for link in Path("/proc").glob("[0-9]*/fd/*"):
            with suppress(OSError):
                if os.readlink(link) == str(self.data / "worker.lock"):
                    return int(link.parts[2])
        return None

    def kill_worker(self) -> bool:
        number = self.worker()
        if number is not None:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        return number is not None

    def memory_mb(self) -> dict[str, float]:
        """Resident memory of the HTTP process, of the worker, and of the helpers together."""
        assert self.process is not None
        worker = self.worker()
        found = {"http": _rss_mb(self.process.pid), "worker": _rss_mb(worker) if worker else 0.0}
        helpers = [n for n in _children(self.process.pid) if n != worker]
        found["helpers"] = sum(map(_rss_mb, helpers))
        return found


def _children(number: int) -> list[int]:
    found: list[int] = []
    for file in Path(f"/proc/{number}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, file.read_text().split())
    return found


def _rss_mb(number: int) -> float:
    with suppress(OSError, IndexError):
        pages = int(Path(f"/proc/{number}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    return 0.0


def clip(path: Path, seconds: float, seed: int, rate_hz: int = 44100) -> Path:
    """A stereo recording of tones and noise."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    tone = np.sin(2 * np.pi * rng.uniform(80, 800) * time_s)
    wave = 0.2 * tone[:, None] + 0.05 * rng.standard_normal((len(time_s), 2))
    soundfile.write(path, wave.astype(np.float32), rate_hz, subtype="FLOAT")
    return path
