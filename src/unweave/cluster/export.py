"""The rows of a catalogue with what became of each, as CSV, Parquet or lines of JSON.

Of a run that has scores there is a line for each stem of a row.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from unweave.cluster import evaluate, log, manifest, places
from unweave.cluster.catalogue import Catalogue, Run
from unweave.cluster.kinds import Evaluate
from unweave.cluster.log import DONE
from unweave.cluster.threads import in_order
from unweave.core.atomic import atomic_path
from unweave.core.files import shown, writable
from unweave.errors import InputError, UsageError

FORMATS = (".csv", ".parquet", ".jsonl")
OPEN = "open"
THREADS = 8  # that read reports
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
    """Write a row for each recording, into a file that appears when it is whole; of an evaluation
    a row for each of its stems.

    The name's ending decides the format. Returns the number of rows. Raises UsageError for another
    ending, InputError, OutputError.
    """
    if target.suffix.lower() not in FORMATS:
        raise UsageError(f"{shown(target)}: give a name that ends in {', '.join(FORMATS)}")
    catalogue.check()
    begun = catalogue.begun()
    scored = isinstance(begun.request, Evaluate)
    schema = pa.schema([*SCHEMA, *_score_fields()]) if scored else SCHEMA
    parts = _parts(catalogue, begun, failed_only, scored)
    count = 0
    with writable(target), atomic_path(target) as hidden:
        if target.suffix.lower() == ".parquet":
            with pq.ParquetWriter(hidden, schema, compression="zstd") as writer:
                for part in parts:
                    writer.write_table(pa.Table.from_pylist(part, schema))
                    count += len(part)
        else:
            lines = target.suffix.lower() == ".jsonl"
            with hidden.open("w", encoding="utf-8", newline="") as file:
                table = csv.DictWriter(file, schema.names)
                if not lines:
                    table.writeheader()
                for part in parts:
                    count += len(part)
                    if lines:
                        file.writelines(f"{json.dumps(row)}\n" for row in part)
                    else:
                        table.writerows(part)
    return count


def _score_fields() -> list[pa.Field]:
    return [
        pa.field(name, pa.string() if name == evaluate.STEM else pa.float64())
        for name in evaluate.columns()
    ]


def _parts(
    catalogue: Catalogue, begun: Run, failed_only: bool, scored: bool
) -> Iterator[list[dict[str, Any]]]:
    """The lines of the table as plain data, as many at a time as a part of the manifest has."""
    rows = _rows(catalogue, begun, failed_only)
    lines = rows
    if scored:
        found = in_order(rows, partial(_scored, begun.request.report), THREADS)
        lines = chain.from_iterable(each for _, each in found)
    while part := list(islice(lines, manifest.PART_ROWS)):
        yield part


def _scored(report: str, row: dict[str, Any]) -> list[dict[str, Any]]:
    """A line for each stem of a row that has scores, else one without. Raises InputError."""
    empty = {**row, **dict.fromkeys(evaluate.columns())}
    if row["state"] != DONE:
        return [empty]
    address = places.joined(row["folder"], report)
    try:
        lines = evaluate.lines(json.loads(places.content(address)))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{shown(address)}: is not the report of an evaluation") from error
    return [{**empty, **line} for line in lines]


def _rows(catalogue: Catalogue, begun: Run, failed_only: bool) -> Iterator[dict[str, Any]]:
    """The rows as plain data, with what became of each."""
    totals = manifest.totals(catalogue)
    table, place = log.last(catalogue, begun.identity, totals.rows)
    for row in manifest.rows(catalogue):
        if row.row in totals.replaced:
            continue
        at = int(place[row.row])
        entry = table.slice(at, 1).to_pylist()[0] if at >= 0 else {}
        state = entry.get("state", OPEN)
        if failed_only and state in (DONE, OPEN):
            continue
        outputs = entry.get("outputs") or []
        yield {
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
            "outputs": " ".join(places.joined(entry["folder"], file["name"]) for file in outputs)
            or None,
            "output_bytes": sum(file["bytes"] for file in outputs) or None,
            "seconds": entry.get("seconds"),
            "tries": entry.get("tries"),
            "worker": entry.get("worker") or None,
        }
