"""Rows as Parquet: a file is written whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from unweave.cluster import places
from unweave.core.files import shown
from unweave.errors import InputError

Content = Callable[[str], bytes]
"""Gives the bytes at an address, as `places.content` does."""


def write(address: str, rows: Sequence[Any], schema: pa.Schema) -> None:
    """Rows, which have the schema's columns as attributes, into a new file.

    Raises OutputError, StoreError.
    """
    columns = {name: [getattr(row, name) for row in rows] for name in schema.names}
    write_table(address, pa.table(columns, schema))


def write_table(address: str, table: pa.Table) -> None:
    """A table into a new file. Raises OutputError, StoreError."""
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    places.write(address, out.getvalue())


def read(
    address: str,
    schema: pa.Schema,
    columns: Sequence[str] | None = None,
    content: Content = places.content,
) -> Iterator[pa.RecordBatch]:
    """The rows of a file in batches. Raises InputError for what is no such file, StoreError."""
    data = content(address)
    try:
        file = pq.ParquetFile(io.BytesIO(data))
        missing = set(columns or schema.names) - set(file.schema_arrow.names)
        if missing:
            raise pa.ArrowInvalid(f"it lacks {', '.join(sorted(missing))}")
        yield from file.iter_batches(columns=list(columns or schema.names))
    except (pa.ArrowInvalid, OSError) as error:
        why = str(error).partition("\n")[0]
        raise InputError(f"{shown(address)}: is not a file of a catalogue ({why})") from error
