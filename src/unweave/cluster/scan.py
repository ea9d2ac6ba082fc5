"""Finding recordings: sources in, rows of the manifest out.

What was scanned before and has not changed gives no second row, so that a scan can be stopped and
repeated. The known addresses lie in a temporary file rather than in memory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from unweave.cluster import manifest, probe
from unweave.cluster.catalogue import Catalogue
from unweave.cluster.listing import Found, listed
from unweave.cluster.manifest import PART_ROWS, Row
from unweave.cluster.outage import patiently, sleeping
from unweave.cluster.threads import in_order
from unweave.core.atomic import temporary_folder
from unweave.core.files import shown
from unweave.errors import Cancelled, UnweaveError
from unweave.types import ShouldStop

CACHE_KB = 16_000


@dataclass(slots=True)
class Scanned:
    """What a scan has found so far. broken: of the new rows, those that are no sound."""

    new: int = 0
    changed: int = 0
    known: int = 0
    broken: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)

    def in_words(self) -> str:
        return ", ".join(f"{count} {what}" for what, count in self.as_dict().items())


def scan(
    catalogue: Catalogue,
    sources: Sequence[str],
    *,
    headers: bool = True,
    threads: int = 8,
    on_progress: Callable[[Scanned], None] = lambda scanned: None,
    should_stop: ShouldStop = lambda: False,
) -> Scanned:
    """Add what the sources hold to the manifest.

    headers: look at each new recording; without, its length is not known and nothing is known to be
    broken. threads: recordings that are looked at in parallel. on_progress: is called after each
    part. Raises InputError for a source that cannot be listed, UsageError, OutputError, StoreError,
    Cancelled.
    """
    scanned = Scanned()
    with catalogue.held("scan", should_stop) as lost, _known(catalogue) as known:
        number = known.count
        part: list[Row] = []

        def keep() -> None:
            if not part:
                return
            if lost():
                raise UnweaveError(f"{shown(catalogue.address)}: another process has begun a scan")
            append = partial(manifest.append, catalogue, part)
            patiently(append, sleeping(should_stop))
            known.add(part)
            part.clear()
            on_progress(scanned)

        fresh = _fresh(sources, known, scanned, should_stop)
        try:
            for found, before, facts in _looked_at(fresh, headers, threads):
                row = Row(
                    row=number,
                    address=found.address,
                    name=found.name,
                    bytes=found.bytes,
                    version=found.version,
                    replaces=before,
                    **facts,
                )
                number += 1
                part.append(row)
                scanned.new += before is None
                scanned.changed += before is not None
                scanned.broken += bool(row.error)
                if len(part) >= PART_ROWS:
                    keep()
        finally:  # what was found counts, whatever the rest is
            keep()
    return scanned


class _Known:
    """The addresses of a manifest, on a disk."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.count = 0
        connection.executescript(
            f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -{CACHE_KB};"
            "CREATE TABLE known (address TEXT PRIMARY KEY, row INTEGER, mark TEXT) WITHOUT ROWID;"
            "CREATE TABLE seen (address TEXT PRIMARY KEY) WITHOUT ROWID;"
        )

    def add(self, rows: Iterable[Row]) -> None:
        values = [(row.address, row.row, _mark(row.bytes, row.version)) for row in rows]
        self._connection.executemany("INSERT OR REPLACE INTO known VALUES (?, ?, ?)", values)
        self.count += len(values)

    def find(self, address: str) -> tuple[int, str] | None:
        found = self._connection.execute(
            "SELECT row, mark FROM known WHERE address = ?", (address,)
        ).fetchone()
        return found and (int(found[0]), str(found[1]))

    def first_time(self, address: str) -> bool:
        """Whether this scan meets the address for the first time."""
        done = self._connection.execute("INSERT OR IGNORE INTO seen VALUES (?)", (address,))
        return done.rowcount == 1


@contextmanager
def _known(catalogue: Catalogue) -> Iterator[_Known]:
    with temporary_folder("unweave-") as folder:
        connection = sqlite3.connect(folder / "known.db")
        try:
            known = _Known(connection)
            part: list[Row] = []
            for row in manifest.rows(catalogue):
                part.append(row)
                if len(part) >= PART_ROWS:
                    known.add(part)
                    part.clear()
            known.add(part)
            yield known
        finally:
            connection.close()


def _fresh(
    sources: Sequence[str], known: _Known, scanned: Scanned, should_stop: ShouldStop
) -> Iterator[tuple[Found, int | None]]:
    """What is new or has changed, with the row that it stands for."""
    for source in sources:
        for found in listed(source):
            if should_stop():
                raise Cancelled(f"{scanned.in_words()}; scan it again to go on")
            before = known.find(found.address)
            if not known.first_time(found.address):
                continue
            if before is not None and before[1] == _mark(found.bytes, found.version):
                scanned.known += 1
            else:
                yield found, before and before[0]


def _looked_at(
    fresh: Iterator[tuple[Found, int | None]], headers: bool, threads: int
) -> Iterator[tuple[Found, int | None, dict[str, Any]]]:
    """Each with what its headers say, in order."""
    if not headers:
        for found, before in fresh:
            yield found, before, {}
        return

    def facts(each: tuple[Found, int | None]) -> dict[str, Any]:
        return probe.facts(each[0].address)

    for (found, before), known in in_order(fresh, facts, threads):
        yield found, before, known


def _mark(size: int | None, version: str) -> str:
    return f"{size} {version}"
