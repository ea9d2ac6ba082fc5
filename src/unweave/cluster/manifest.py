"""The manifest: which recordings there are, a row each, numbered from 0.

A part is never changed, and its name is the number of its first row. A recording that has changed
gets a new row, which says which row it stands for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from unweave.cluster import places, tables
from unweave.cluster.catalogue import Catalogue

PART_ROWS = 2_000
SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("address", pa.string()),
        ("name", pa.string()),
        ("bytes", pa.int64()),
        ("version", pa.string()),
        ("container", pa.string()),
        ("codec", pa.string()),
        ("sample_rate_hz", pa.int32()),
        ("channels", pa.int32()),
        ("duration_s", pa.float64()),
        ("error", pa.string()),
        ("replaces", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A recording.

    name: its path below what was scanned. version: the store's own mark of the content, or the time
    of the last change. duration_s: as the headers say, which may be an estimate. error: why it
    cannot be separated, one line; empty where nothing is known against it. replaces: the row of the
    same address before its content changed.
    """

    row: int
    address: str
    name: str
    bytes: int | None = None
    version: str = ""
    container: str | None = None
    codec: str | None = None
    sample_rate_hz: int | None = None
    channels: int | None = None
    duration_s: float | None = None
    error: str = ""
    replaces: int | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """What a manifest holds. replaced: the numbers of rows that another stands for."""

    rows: int  # with those replaced: the number of the next one
    current: int
    broken: int
    bytes: int
    duration_s: float
    unknown: int  # rows without a duration
    replaced: frozenset[int]


def append(catalogue: Catalogue, rows: Sequence[Row]) -> None:
    """A new part; the rows are numbered on from the last one. Raises OutputError."""
    name = f"part-{rows[0].row:012d}.parquet"
    tables.write(places.joined(catalogue.manifest, name), rows, SCHEMA)


def rows(catalogue: Catalogue, content: tables.Content = places.content) -> Iterator[Row]:
    """Every row in order, those that another stands for too; one part at a time is in memory.

    content: reads a part. Raises InputError, StoreError.
    """
    for name in places.names(catalogue.manifest, ".parquet"):
        address = places.joined(catalogue.manifest, name)
        for batch in tables.read(address, SCHEMA, content=content):
            for row in batch.to_pylist():
                yield Row(**row)


def totals(catalogue: Catalogue) -> Totals:
    """Counts and sums over the current rows. Raises InputError."""
    replaced: set[int] = set()
    for batch in _columns(catalogue, "replaces"):
        replaced.update(batch.column(0).drop_null().to_pylist())
    count = current = broken = size = unknown = 0
    duration_s = 0.0
    gone = np.fromiter(replaced, np.int64)
    for batch in _columns(catalogue, "row", "bytes", "duration_s", "error"):
        numbers, sizes, seconds, errors = batch.columns
        stays = ~np.isin(numbers.to_numpy(), gone)
        fails = np.array([bool(text) for text in errors.to_pylist()])[stays]
        length_s = seconds.to_numpy(zero_copy_only=False)[stays]  # NaN where there is none
        count += batch.num_rows
        current += int(stays.sum())
        broken += int(fails.sum())
        size += int(np.nansum(sizes.cast(pa.float64()).to_numpy(zero_copy_only=False)[stays]))
        duration_s += float(np.nansum(length_s))
        unknown += int((np.isnan(length_s) & ~fails).sum())
    return Totals(count, current, broken, size, duration_s, unknown, frozenset(replaced))


def durations_s(catalogue: Catalogue, count: int) -> np.ndarray:
    """The duration of every row by its number, zero where it is not known: float32 (row,)."""
    found = np.zeros(count, np.float32)
    for batch in _columns(catalogue, "row", "duration_s"):
        seconds = batch.column(1).to_numpy(zero_copy_only=False)
        found[batch.column(0).to_numpy()] = np.nan_to_num(seconds)
    return found


def _columns(catalogue: Catalogue, *columns: str) -> Iterator[pa.RecordBatch]:
    for name in places.names(catalogue.manifest, ".parquet"):
        yield from tables.read(places.joined(catalogue.manifest, name), SCHEMA, columns)
