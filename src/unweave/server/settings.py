"""What the operator of a service allows, and where its files lie."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from unweave.core.files import shown
from unweave.errors import UsageError

DAY_S = 24 * 3600.0
GB = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """data: the folder of everything that is kept.

    allow_paths: folders whose files a job may name. allow_urls: whether a job may name an address.
    allow_hosts: names that the service is called by, besides `localhost` and numbers. kinds: of
    jobs, none for all. jobs: at a time, each of another client. most_bytes, most_s, most_channels:
    of a recording. most_waiting: jobs of one client. keep_days, keep_bytes: finished jobs go when
    they are older, or when all together take more. requests_per_s: of one client, on average.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8750
    allow_paths: tuple[Path, ...] = ()
    allow_urls: bool = False
    allow_hosts: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    jobs: int = 2
    threads: int | None = None
    max_memory_mb: int | None = None
    most_bytes: int = 4 * GB
    most_s: float = 12 * 3600.0
    most_channels: int = 16
    most_waiting: int = 200
    keep_days: float = 30.0
    keep_bytes: int = 100 * GB
    requests_per_s: float = 100.0

    def __post_init__(self) -> None:
        numbers = "jobs most_bytes most_s most_channels most_waiting requests_per_s"
        for name in numbers.split():
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} must be above 0; got {getattr(self, name)}")
        if not 0 <= self.port < 1 << 16:
            raise UsageError(f"the port must be 0 to 65535; got {self.port}")
        for folder in self.allow_paths:
            if not folder.is_dir():
                raise UsageError(f"{shown(folder)}: is no folder; name one that is there")

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(self.host)

    @property
    def database(self) -> Path:
        return self.data / "service.sqlite3"

    @property
    def uploads(self) -> Path:
        return self.data / "uploads"

    @property
    def sources(self) -> Path:
        return self.data / "sources"

    @property
    def jobs_folder(self) -> Path:
        return self.data / "jobs"

    def job(self, id: str) -> Path:
        """The folder of a job."""
        return self.jobs_folder / id


def is_loopback(host: str) -> bool:
    """Whether an address to listen at is this machine's alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
