"""The rows of a catalogue with what became of each, as CSV, Parquet or lines of JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from unweave.cluster import log, manifest, places
from unweave.cluster.catalogue import Catalogue
from unweave.cluster.log import DONE
from unweave.core.atomic import atomic_path
from unweave.core.files import shown, writable
from unweave.errors import UsageError

FORMATS = (".csv", ".parquet", ".jsonl")
OPEN = "open"
SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("address", pa.string()),
        ("state", pa.string()),
        ("kind", pa.string()),
        ("reason", pa.string()),
        ("bytes", pa.int64()),
        ("duration_s", pa.float64()),
        ("sample_rate_hz", pa.int32()),
        ("channels", pa.int32()),
        ("codec", pa.string()),
        ("sha256", pa.string()),
        ("folder", pa.string()),
        ("outputs", pa.string()),
        ("output_bytes", pa.int64()),
        ("seconds", pa.float64()),
        ("tries", pa.int32()),
        ("worker", pa.string()),
    ]
)


def export(catalogue: Catalogue, target: Path, *, failed_only: bool = False) -> int:
    """Write a row for each recording, into a file that appears when it is whole.

    The name's ending decides the format. Returns the number of rows. Raises UsageError for another
    ending, InputError, OutputError.
    """
    if target.suffix.lower() not in FORMATS:
        raise UsageError(f"{shown(target)}: give a name that ends in {', '.join(FORMATS)}")
    catalogue.check()
    parts = _parts(catalogue, failed_only)
    count = 0
    with writable(target), atomic_path(target) as hidden:
        if target.suffix.lower() == ".parquet":
            with pq.ParquetWriter(hidden, SCHEMA, compression="zstd") as writer:
                for part in parts:
                    writer.write_table(pa.Table.from_pylist(part, SCHEMA))
                    count += len(part)
        else:
            lines = target.suffix.lower() == ".jsonl"
            with hidden.open("w", encoding="utf-8", newline="") as file:
                table = csv.DictWriter(file, SCHEMA.names)
                if not lines:
                    table.writeheader()
                for part in parts:
                    count += len(part)
                    if lines:
                        file.writelines(f"{json.dumps(row)}\n" for row in part)
                    else:
                        table.writerows(part)
    return count


def _parts(catalogue: Catalogue, failed_only: bool) -> Iterator[list[dict[str, Any]]]:
    """The rows as plain data, one part of the manifest at a time."""
    begun = catalogue.begun()
    totals = manifest.totals(catalogue)
    table, place = log.last(catalogue, begun.identity, totals.rows)
    part: list[dict[str, Any]] = []
    for row in manifest.rows(catalogue):
        if row.row in totals.replaced:
            continue
        at = int(place[row.row])
        entry = table.slice(at, 1).to_pylist()[0] if at >= 0 else {}
        state = entry.get("state", OPEN)
        if failed_only and state in (DONE, OPEN):
            continue
        outputs = entry.get("outputs") or []
        part.append(
            {
                "row": row.row,
                "address": row.address,
                "state": state,
                "kind": entry.get("kind") or None,
                "reason": entry.get("reason") or None,
                "bytes": row.bytes,
                "duration_s": entry.get("duration_s") or row.duration_s,
                "sample_rate_hz": row.sample_rate_hz,
                "channels": row.channels,
                "codec": row.codec,
                "sha256": entry.get("sha256") or None,
                "folder": entry.get("folder"),
                "outputs": " ".join(
                    places.joined(entry["folder"], file["name"]) for file in outputs
                )
                or None,
                "output_bytes": sum(file["bytes"] for file in outputs) or None,
                "seconds": entry.get("seconds"),
                "tries": entry.get("tries"),
                "worker": entry.get("worker") or None,
            }
        )
        if len(part) >= manifest.PART_ROWS:
            yield part
            part = []
    yield part
