"""How fast models ran on this machine, and in how much memory: a small file for each.

What is kept is the last plain run: all stems of a recording, one recording at a time, with every
option at its default but the device. The files lie in the folder `measured` of the cache folder.
Whatever is wrong with one, it is as if the model never ran.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from unweave.core.atomic import atomic_path
from unweave.core.typed import typed
from unweave.models.store import cache_folder
from unweave.plugins import ENDING

SHORTEST_S = 10.0  # of sound; below, the start is most of the time


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run. duration_s: of the sound; seconds: that separating it took."""

    duration_s: float
    seconds: float
    peak_memory_mb: float
    device: str

    @property
    def speed(self) -> float:
        """Seconds of sound in a second of work."""
        return self.duration_s / self.seconds if self.seconds else 0.0


def keep(name: str, run: Measured) -> None:
    """Remember the last run of the model called `name`, where it says something; of one at a path
    nothing. Never raises."""
    if run.duration_s >= SHORTEST_S and not name.endswith(ENDING):
        with suppress(OSError), atomic_path(_file(name)) as hidden:
            hidden.write_text(json.dumps(asdict(run)), encoding="utf-8")


def last(name: str) -> Measured | None:
    """The last run of the model called `name`, None where it did not run here."""
    try:
        return typed(Measured, json.loads(_file(name).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def forget(name: str) -> None:
    """As if the model never ran. Never raises."""
    with suppress(OSError):
        _file(name).unlink()


def folder() -> Path:
    """Where the files of all models lie."""
    return cache_folder().parent / "measured"


def _file(name: str) -> Path:
    return folder() / f"{name}.json"
