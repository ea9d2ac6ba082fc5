"""What a run will take: seconds, memory, bytes and money, by speeds that were measured.

A figure that nothing was measured for is None. Speeds are, in this order, those of rows of the run
that are done, of the model's last run on this machine, and of its card.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from unweave.cluster import log, manifest
from unweave.cluster.catalogue import Catalogue, Run
from unweave.cluster.log import IS_DONE

NOTHING = "nothing: do some recordings first"
LEAST_S = 60.0  # of sound that a speed is measured on
PACKED = 0.6  # of FLAC's bytes to those of its samples, roughly
KBITS = {"mp3": 320, "m4a": 256, "ogg": 256, "opus": 192}  # of formats that lose, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An estimate for the rows that are left.

    speed: seconds of sound that one worker separates in a second; measured: where it is from.
    worker_hours: of all workers together; hours: until the end. output_bytes: of all rows, those
    done too. memory_mb: of each worker.
    """

    rows: int
    left: int
    broken: int
    unknown: int
    sound_hours: float
    left_hours: float
    input_bytes: int
    output_bytes: int | None
    speed: float | None
    measured: str
    memory_mb: float | None
    workers: int
    worker_hours: float | None
    hours: float | None
    cost: float | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def plan(
    catalogue: Catalogue, run: Run, *, workers: int = 1, price_per_hour: float | None = None
) -> Plan:
    """The estimate. price_per_hour: of one worker. Raises InputError."""
    catalogue.check()
    totals = manifest.totals(catalogue)
    states = log.states(catalogue, run.identity, totals.rows)
    seconds = manifest.durations_s(catalogue, totals.rows)
    done = states == IS_DONE
    gone = [*totals.replaced]
    done[gone], seconds[gone] = False, 0.0
    left_s = float(seconds[~done].sum(dtype="float64"))
    speed, measured, memory_mb = _speed(catalogue, run, totals.rows)
    work_hours = None if speed is None else left_s / speed / 3600
    return Plan(
        rows=totals.current,
        left=totals.current - int(done.sum()),
        broken=totals.broken,
        unknown=totals.unknown,
        sound_hours=totals.duration_s / 3600,
        left_hours=left_s / 3600,
        input_bytes=totals.bytes,
        output_bytes=_output_bytes(catalogue, run, totals),
        speed=speed,
        measured=measured,
        memory_mb=memory_mb,
        workers=workers,
        worker_hours=work_hours,
        hours=None if work_hours is None else work_hours / workers,
        cost=None if work_hours is None or price_per_hour is None else work_hours * price_per_hour,
    )


def _speed(catalogue: Catalogue, run: Run, count: int) -> tuple[float | None, str, float | None]:
    """Seconds of sound in a second of work, where that is from, and megabytes."""
    columns = ("duration_s", "separate_s", "peak_memory_mb")
    table, place = log.last(catalogue, run.identity, count, columns)
    taken = table.select(columns).take(pa.array(place[place >= 0]))
    sound_s, spent_s, memory_mb = (np.nan_to_num(column.to_numpy()) for column in taken.columns)
    worked = (spent_s > 0) & (sound_s > 0)
    if sound_s[worked].sum() >= LEAST_S:
        most = float(memory_mb[worked].max()) or None
        return float(sound_s[worked].sum() / spent_s[worked].sum()), "rows of this run", most
    return _of_model(run)


def _of_model(run: Run) -> tuple[float | None, str, float | None]:
    from unweave.models.store import measured
    from unweave.registry import with_weights

    request = run.request.separation
    if request is None:
        return None, NOTHING, None
    model = request.separator.model or request.separator.name
    found = measured.last(model)
    if found is not None and found.speed:
        return found.speed, "its last run on this machine", found.peak_memory_mb or None
    factors = [card.real_time_factor for card in with_weights(model, request.needed)]
    if factors and None not in factors:
        return 1 / sum(filter(None, factors)), "its card", None
    return None, NOTHING, None


def _output_bytes(catalogue: Catalogue, run: Run, totals: manifest.Totals) -> int | None:
    """Of all rows: exact but for headers where samples are not packed."""
    if run.request.separation is None:
        return None
    output, stems = run.request.separation.output, len(run.request.stems)
    if output.format in KBITS:
        return round(totals.duration_s * KBITS[output.format] * 125 * stems)
    if output.bit_depth is None:
        return None
    found = 0.0
    for row in manifest.rows(catalogue):
        if row.row not in totals.replaced and row.duration_s:
            rate = (row.sample_rate_hz or 44_100) * (row.channels or 2)
            found += row.duration_s * rate * output.bit_depth / 8
    return round(found * stems * (PACKED if output.format == "flac" else 1.0))
