"""Whether the stems that the log names are in their places, with the bytes that were written."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from unweave.cluster import log, manifest, places
from unweave.cluster.catalogue import Catalogue
from unweave.cluster.log import DONE
from unweave.cluster.threads import in_order
from unweave.core.files import shown
from unweave.errors import Cancelled, InputError, UsageError
from unweave.types import ShouldStop

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Fault:
    """A file that is not as the log says, in one line."""

    row: int
    address: str
    why: str


@dataclass(slots=True)
class Verified:
    """files, bytes: that were looked at. faults: of those."""

    rows: int = 0
    files: int = 0
    bytes: int = 0
    faults: int = 0


def verify(
    catalogue: Catalogue,
    *,
    sample: float = 1.0,
    seed: int = 0,
    sizes_only: bool = False,
    threads: int = 8,
    on_fault: Callable[[Fault], None] = lambda fault: None,
    should_stop: ShouldStop = lambda: False,
) -> Verified:
    """Compare the stems of rows that are done with the log.

    sample: share of the rows, drawn by `seed`. sizes_only: read no file. Raises InputError,
    StoreError, UsageError, Cancelled.
    """
    if not 0 < sample <= 1:
        raise UsageError(f"sample is a share above 0 and up to 1; got {sample:g}")
    catalogue.check()
    begun = catalogue.begun()
    totals = manifest.totals(catalogue)
    table, place = log.last(catalogue, begun.identity, totals.rows)
    draw, found = random.Random(seed), Verified()

    def chosen() -> Iterator[dict[str, Any]]:
        taken = table.take(pa.array(place[place >= 0]))
        for batch in taken.to_batches(max_chunksize=1_000):
            for entry in batch.to_pylist():
                own = entry["state"] == DONE and entry["row"] not in totals.replaced
                if own and draw.random() < sample:
                    yield entry

    for entry, faults in in_order(chosen(), partial(_faults, sizes_only=sizes_only), threads):
        if should_stop():
            raise Cancelled("verify: stopped")
        found.rows += 1
        found.files += len(entry["outputs"])
        found.bytes += sum(file["bytes"] for file in entry["outputs"])
        found.faults += len(faults)
        for fault in faults:
            on_fault(fault)
    return found


def _faults(entry: dict[str, Any], sizes_only: bool) -> list[Fault]:
    faults = []
    for file in entry["outputs"]:
        address = places.joined(entry["folder"], file["name"])
        try:
            size = places.size(address)
            if size is None:
                why = "is not there"
            elif size != file["bytes"]:
                why = f"has {size} bytes; {file['bytes']} were written"
            elif not sizes_only and _sha256(address) != file["sha256"]:
                why = "has other bytes than were written (its SHA-256 differs)"
            else:
                continue
            faults.append(Fault(entry["row"], address, f"{shown(address)}: {why}"))
        except InputError as error:
            faults.append(Fault(entry["row"], address, str(error)))
    return faults


def _sha256(address: str) -> str:
    digest = hashlib.sha256()
    with places.told(address, InputError):
        fs, path = places.filesystem(address)
        with fs.open(path, "rb", block_size=BLOCK_BYTES, cache_type="readahead") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()
