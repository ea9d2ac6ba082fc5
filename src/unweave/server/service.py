"""What the routes of one service share."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from anyio import CapacityLimiter

from unweave.server import facts, queue
from unweave.server.database import Database
from unweave.server.events import Changes
from unweave.server.helpers import Helpers
from unweave.server.refusals import Refused
from unweave.server.settings import Settings
from unweave.server.tokens import Tokens

MEDIA_MB = 2000  # of a process that reads files of strangers
LOOKERS, CONVERTERS = 2, 2
MODELS_S = 60.0  # how long the list of models is believed
SLOW_THREADS = 32


@dataclass(slots=True)
class Service:
    """asking: helpers that know the registry. looking: at files of strangers. converting: them."""

    settings: Settings
    tokens: Tokens
    database: Database
    changes: Changes
    asking: Helpers = field(default_factory=lambda: Helpers(1))
    looking: Helpers = field(default_factory=lambda: Helpers(LOOKERS, MEDIA_MB))
    converting: Helpers = field(default_factory=lambda: Helpers(CONVERTERS, MEDIA_MB))
    counts: Counter[str] = field(default_factory=Counter)  # what /metrics tells
    started_at: float = field(default_factory=time.time)
    busy: set[str] = field(default_factory=set)  # uploads that are being written
    turns: dict[str, CapacityLimiter] = field(default_factory=dict)  # of a client's slow requests
    slow_threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(SLOW_THREADS))
    lock: threading.Lock = field(default_factory=threading.Lock)
    worker_is_alive: Callable[[], bool] = lambda: False
    _models: tuple[Any, list[dict[str, Any]]] = (None, [])
    _places: tuple[int, dict[str, int]] = (-1, {})

    def places(self) -> dict[str, int]:
        """The places of those who wait, counted anew when anything has changed."""
        latest = queue.latest(self.database)
        if self._places[0] != latest:
            self._places = latest, queue.places(self.database)
        return self._places[1]

    def speed(self, model: str | None) -> float | None:
        """Seconds of sound in a second of work, as the model ran here last."""
        from unweave.models.store import measured

        run = measured.last(model) if model else None
        return run.speed if run else None

    def warm(self) -> None:
        """Have the helpers ready before the first client comes."""
        with suppress(Refused):
            self.looking.warm()
            self.list_of_models()

    def list_of_models(self) -> list[dict[str, Any]]:
        """What is known of every model; asked again now and then, and when one was fetched."""
        pulled = self.database.read("SELECT max(finished_at) FROM jobs WHERE kind = 'pull'")[0][0]
        mark = time.monotonic() // MODELS_S, pulled
        if self._models[0] != mark:
            self._models = mark, self.asking.ask(facts.models)
        return self._models[1]

    def close(self) -> None:
        for helpers in (self.asking, self.looking, self.converting):
            helpers.end()


def service(settings: Settings, tokens: Tokens) -> Service:
    """A service on its data folder. Makes the folders."""
    for folder in (settings.uploads, settings.sources, settings.jobs_folder):
        folder.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    return Service(settings, tokens, database, Changes(database))
