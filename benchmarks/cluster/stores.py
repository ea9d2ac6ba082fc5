"""Object stores of this machine, for tests and measurements: moto's, which keeps all in memory, and
SeaweedFS, which keeps it in files and goes on with them after a kill.

SeaweedFS is one program under the Apache licence 2.0: `benchmarks/cluster/install.sh` fetches it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

WEED = Path(__file__).parent / ".venv" / "bin" / "weed"
PATIENCE_S = 120.0  # for its start


@dataclass
class Store:
    """A store that answers on 127.0.0.1; `command` starts it."""

    command: list[str]
    address: str
    keeps: bool  # its objects, when it is killed
    process: subprocess.Popen

    def pause(self, seconds: float) -> None:
        """Be silent, as a network that is cut."""
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.process.send_signal(signal.SIGCONT)

    def restart(self, seconds: float) -> None:
        """Be killed, away for so long, and started on the same data. Raises OSError."""
        assert self.keeps
        self.kill()
        time.sleep(seconds)
        self.process = _started(self.command)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def store(keeps_in: Path | None = None) -> Iterator[Store]:
    """A store, empty, for as long as a block; the environment says where it is.

    keeps_in: a folder, for SeaweedFS; None: moto's.
    """
    from s3fs import S3FileSystem

    ports = _free_ports(8)
    address = f"http://127.0.0.1:{ports[0]}"
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": address,
    }
    S3FileSystem.clear_instance_cache()  # they are of another store
    if keeps_in is None:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(ports[0])]
    else:
        keeps_in.mkdir(exist_ok=True)
        names = ("s3", "master", "volume", "filer")
        command = [str(WEED), "server", f"-dir={keeps_in}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
        command += ["-s3", "-s3.port.iceberg=0", "-s3.iam=false", "-master.telemetry=false"]
        command += ["-master.volumeSizeLimitMB=64", "-volume.max=100"]
        command += [f"-{name}.port={ports[n]}" for n, name in enumerate(names)]
        command += [f"-{name}.port.grpc={ports[n]}" for n, name in enumerate(names, len(names))]
    found = Store(command, address, keeps_in is not None, _started(command))
    try:
        _wait_for(address)
        yield found
    finally:
        found.process.send_signal(signal.SIGCONT)
        found.kill()


def _started(command: list[str]) -> subprocess.Popen:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _wait_for(address: str) -> None:
    """Until buckets can be made in it. Raises OSError."""
    import fsspec

    fs = fsspec.filesystem("s3", use_listings_cache=False)
    ends_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            with suppress(urllib.error.HTTPError), urllib.request.urlopen(address, timeout=5):
                pass
            if not fs.exists("ready"):
                fs.mkdir("ready")
            fs.pipe_file("ready/ready", b"ready")
            return
        except Exception:
            if time.monotonic() > ends_s:
                raise
            time.sleep(0.5)


def _free_ports(count: int) -> list[int]:
    """Ports that nobody has now, below those that connections get."""
    ports: list[int] = []
    with ExitStack() as held:  # so that none is given twice
        for port in range(12000 + os.getpid() % 8000, 32000):
            each = held.enter_context(socket.socket())
            with suppress(OSError):
                each.bind(("127.0.0.1", port))
                ports.append(port)
            if len(ports) == count:
                break
    return ports
