"""Server-sent events: what has changed, from the database alone.

Every change of a job has a number, which is the id of its event. A client that comes again says the
last number it has seen (`Last-Event-ID`), and gets what has changed since. A slow client gets fewer
events, never old ones: what it is told is read when it can be told.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool

from unweave.server import queue
from unweave.server.database import Database
from unweave.server.queue import Row
from unweave.server.refusals import Refused

EVERY_S = 0.2
STILL_HERE_S = 15.0
MOST_STREAMS = 24  # of one client
MOST = 500  # rows in one piece
CHANGED = """SELECT * FROM jobs WHERE owner = :owner AND changed > :last
  AND (:id IS NULL OR id = :id) ORDER BY changed LIMIT :most"""
REMOVED = """SELECT id, changed FROM removed WHERE owner = :owner AND changed > :last
  AND (:id IS NULL OR id = :id) ORDER BY changed LIMIT :most"""


class Changes:
    """Wakes those who wait when the database has changed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[asyncio.Event, str] = {}  # whose they are
        self.stopped = False

    async def watch(self) -> None:
        """Look at the database, as long as the service runs."""
        seen = -1
        while not self.stopped:
            latest = await run_in_threadpool(queue.latest, self._database)
            if latest != seen:
                seen = latest
                self._wake()
            await asyncio.sleep(EVERY_S)

    def check(self, owner: str) -> None:
        """Raises Refused where a client has too many streams."""
        if list(self._waiting.values()).count(owner) >= MOST_STREAMS:
            words = f"{MOST_STREAMS} streams of events are open; close one, or follow /events"
            raise Refused(429, "too_many_streams", words)

    def stop(self) -> None:
        """End every stream of events."""
        self.stopped = True
        self._wake()

    def _wake(self) -> None:
        for event in self._waiting:
            event.set()

    async def stream(
        self, owner: str, id: str | None, after: int | None, view: Callable[[Row], Any]
    ) -> AsyncIterator[str]:
        """The events of a client, or of one of its jobs until it has ended.

        after: the last change that is known; None: everything as it is now comes first.
        """
        event = asyncio.Event()
        self._waiting[event] = owner
        try:
            yield "retry: 1000\n\n"
            last, told_s = -1 if after is None else after, time.monotonic()
            while not self.stopped:
                event.clear()
                text, last, more, over = await run_in_threadpool(self._since, owner, id, last, view)
                if text:
                    told_s = time.monotonic()
                    yield text
                if over:
                    return
                if more:
                    continue
                left_s = STILL_HERE_S - (time.monotonic() - told_s)
                try:
                    await asyncio.wait_for(event.wait(), max(0.0, left_s))
                except TimeoutError:
                    told_s = time.monotonic()
                    yield ": still here\n\n"
        finally:
            del self._waiting[event]

    def _since(
        self, owner: str, id: str | None, last: int, view: Callable[[Row], Any]
    ) -> tuple[str, int, bool, bool]:
        """What has changed since `last`, its last change, whether there may be more, and whether
        the one job has ended."""
        values = {"owner": owner, "last": last, "id": id, "most": MOST}
        rows = self._database.read(CHANGED, values)
        gone = self._database.read(REMOVED, values) if last >= 0 else []
        full = len(rows) == MOST or len(gone) == MOST
        found = sorted(
            [(row["changed"], "job", row) for row in rows]
            + [(row["changed"], "removed", row) for row in gone],
            key=lambda e: e[0],
        )
        if full:
            found = found[:MOST]
        text = "".join(
            _event(changed, name, view(row) if name == "job" else {"id": row["id"]})
            for changed, name, row in found
        )
        known = last >= 0 or rows
        over = any(row["state"] in queue.ENDED for row in rows) or bool(gone) or not known
        return text, max([last, *(changed for changed, *_ in found)]), full, id is not None and over


def _event(number: int, name: str, data: Any) -> str:
    text = json.dumps(data, separators=(",", ":"))
    return f"id: {number}\nevent: {name}\ndata: {text}\n\n"
