"""The log: what became of the rows of a run. It only grows, by files that never change.

A row's last entry counts. An entry of another identity than the run's says nothing about it.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypedDict

import numpy as np
import pyarrow as pa

from unweave.cluster import places, tables
from unweave.cluster.catalogue import Catalogue
from unweave.cluster.outage import Pause, patiently, sleep

DONE, FAILED = "done", "failed"
OPEN, IS_DONE, HAS_FAILED = 0, 1, 2  # states of rows, as numbers
MOST_ROWS = 500  # of a file
MOST_S = 5.0  # until an entry is kept
SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("identity", pa.string()),
        ("state", pa.string()),
        ("kind", pa.string()),
        ("reason", pa.string()),
        ("folder", pa.string()),
        ("sha256", pa.string()),
        (
            "outputs",
            pa.list_(
                pa.struct(
                    [
                        ("name", pa.string()),
                        ("bytes", pa.int64()),
                        ("sha256", pa.string()),
                    ]
                )
            ),
        ),
        ("duration_s", pa.float64()),
        ("seconds", pa.float64()),
        ("separate_s", pa.float64()),
        ("peak_memory_mb", pa.float64()),
        ("warnings", pa.int32()),
        ("tries", pa.int32()),
        ("worker", pa.string()),
        ("at", pa.float64()),
    ]
)


class Made(TypedDict):
    """A file that was made: its name in the row's folder."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What became of a row.

    kind: the class of the error; reason: its line. folder: the address of the outputs. sha256: of
    the recording. seconds: from fetching to the last upload; separate_s: of the separation alone,
    zero where it was finished before. tries: workers that it was on. at: seconds
    since 1970.
    """

    row: int
    identity: str
    state: str
    kind: str = ""
    reason: str = ""
    folder: str = ""
    sha256: str = ""
    outputs: tuple[Made, ...] = ()
    duration_s: float | None = None
    seconds: float = 0.0
    separate_s: float = 0.0
    peak_memory_mb: float | None = None
    warnings: int = 0
    tries: int = 1
    worker: str = ""
    at: float = field(default_factory=time.time)


class Writer:
    """Keeps entries, many to a file. A store that is away is waited for, with `pause`."""

    def __init__(self, catalogue: Catalogue, pause: Pause = sleep) -> None:
        self._log = catalogue.log
        self._pause = pause
        self._waiting: list[Entry] = []
        self._since_s = 0.0

    def add(self, entry: Entry) -> None:
        if not self._waiting:
            self._since_s = time.monotonic()
        self._waiting.append(entry)

    def tick(self) -> None:
        """Write what waits where it is much or old. Raises OutputError, StoreError."""
        old = time.monotonic() - self._since_s >= MOST_S
        if self._waiting and (old or len(self._waiting) >= MOST_ROWS):
            self.flush()

    def flush(self) -> None:
        """Write what waits. Raises OutputError, StoreError."""
        if not self._waiting:
            return
        # Names sort by time, and two runs never have the same.
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}.parquet"
        place = places.joined(self._log, name)
        patiently(partial(tables.write, place, self._waiting, SCHEMA), self._pause)
        self._waiting.clear()


def batches(catalogue: Catalogue, columns: tuple[str, ...] = ()) -> Iterator[pa.RecordBatch]:
    """All entries in the order in which they were written. Raises InputError."""
    for name in places.names(catalogue.log, ".parquet"):
        yield from tables.read(places.joined(catalogue.log, name), SCHEMA, columns or None)


def states(catalogue: Catalogue, identity: str, count: int) -> np.ndarray:
    """The state of each row by its number: uint8 (row,), one of OPEN, IS_DONE, HAS_FAILED."""
    found = np.zeros(count, np.uint8)
    for batch in batches(catalogue, ("row", "identity", "state")):
        numbers, identities, words = (column.to_numpy(False) for column in batch.columns)
        own = (identities == identity) & (numbers < count)
        found[numbers[own]] = np.where(words[own] == DONE, IS_DONE, HAS_FAILED)
    return found


def last(
    catalogue: Catalogue, identity: str, count: int, columns: tuple[str, ...] = tuple(SCHEMA.names)
) -> tuple[pa.Table, np.ndarray]:
    """All entries, and where in them the last one of each row is: int64 (row,), -1 for none.

    columns: those that are read, with `row` and `identity`.
    """
    wanted = tuple(dict.fromkeys(("row", "identity", *columns)))
    found = [*batches(catalogue, wanted)]
    table = pa.Table.from_batches(found, pa.schema([SCHEMA.field(name) for name in wanted]))
    place = np.full(count, -1, np.int64)
    if found:
        numbers = table.column("row").to_numpy()
        own = (table.column("identity").to_numpy() == identity) & (numbers < count)
        place[numbers[own]] = np.nonzero(own)[0]
    return table, place


def compact(catalogue: Catalogue) -> int:
    """Put the files of the log into one, for a log that no run is at. Returns how many there were.

    The new file is there before the old ones go: an entry that is there twice says the same.
    """
    old = places.names(catalogue.log, ".parquet")
    if len(old) > 1:
        table = pa.Table.from_batches([*batches(catalogue)], SCHEMA)
        # After the last of the old ones and before every later one.
        name = f"{old[-1].removesuffix('.parquet')}-all.parquet"
        tables.write_table(places.joined(catalogue.log, name), table)
        for each in old:
            places.remove(places.joined(catalogue.log, each))
    return len(old)


def failures(catalogue: Catalogue, identity: str, count: int) -> Counter[str]:
    """How many rows have failed, by the kind of their errors."""
    table, place = last(catalogue, identity, count, ("state", "kind"))
    of = table.select(["state", "kind"]).take(pa.array(place[place >= 0]))
    return Counter(
        kind
        for state, kind in zip(*(column.to_pylist() for column in of.columns), strict=True)
        if state == FAILED
    )
