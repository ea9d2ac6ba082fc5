"""A run of a catalogue: every row that is not settled goes to a worker, and its end into the log.

The rows of a window are given out longest first, so that no worker is left alone with a long one at
the end. Only a window is in memory, with a byte for each row of the manifest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain, islice

import numpy as np

from unweave.cluster import actor, layout, log, manifest, places, pool, session, work
from unweave.cluster.catalogue import Catalogue, Run
from unweave.cluster.log import FAILED, HAS_FAILED, IS_DONE, Entry
from unweave.cluster.manifest import Row
from unweave.cluster.outage import Pause, patiently, sleeping
from unweave.cluster.progress import Progress
from unweave.cluster.workers import USUAL, Workers
from unweave.core.files import shown
from unweave.errors import InputError, UnweaveError
from unweave.types import ShouldStop

WINDOW_ROWS = 4_096
DIED = "WorkerDied"
Make = Callable[[Run], actor.Make]


def run(
    catalogue: Catalogue,
    *,
    workers: Workers = USUAL,
    retry: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_entry: Callable[[Row, Entry], None] = lambda row, entry: None,
    should_stop: ShouldStop = lambda: False,
    make: Make = lambda begun: partial(work.Work, begun),
) -> Progress:
    """Do every row of a run that was begun (`Catalogue.begin`) and that is not settled.

    retry: rows that failed before, too. on_entry: is called for each row that ends. make: what the
    actors make their work by; tests and measurements have another. Raises CannotLoadError where no
    row can be done, WorkersError, InputError, OutputError, UsageError; StoreError where the
    catalogue's store stays away. When it is stopped or fails, what has ended is in the log.
    """
    catalogue.check()
    begun = catalogue.begun()
    with catalogue.held(f"run-{catalogue.name}", should_stop) as lost:

        def stops() -> bool:
            return lost() or should_stop()

        pause = sleeping(stops)
        totals = manifest.totals(catalogue)
        states = log.states(catalogue, begun.identity, totals.rows)
        progress = so_far(catalogue, totals, states)
        progress.price_per_hour = workers.price_per_hour
        unsettled = _unsettled(catalogue, totals.replaced, states, retry, pause)
        writer = log.Writer(catalogue, pause)

        def ended(row: Row, entry: Entry) -> None:
            writer.add(entry)
            writer.tick()
            progress.add(entry, bool(states[row.row] == HAS_FAILED))
            on_entry(row, entry)
            on_progress(progress)

        try:
            sound = _sound(unsettled, begun, ended)
            first = next(sound, None)
            if first is None or stops():
                return progress
            with session.cluster(workers.ray) as found:
                progress.workers, cpus, gpus = workers.on(found, begun.request.execution)
                start = actor.starter(make(begun), cpus=cpus, gpus=gpus, each=workers.ahead)
                for end in pool.results(
                    chain([first], sound),
                    start,
                    actors=progress.workers,
                    each=workers.ahead,
                    should_stop=stops,
                ):
                    if end is None:
                        writer.tick()
                        on_progress(progress)
                    else:
                        ended(end.task, _entry(begun, end.task, end, pause))
        finally:
            writer.flush()
        if lost():
            raise UnweaveError(
                f"{shown(catalogue.address)}: another process has taken the run over, as this one "
                "could not reach the store for too long"
            )
    return progress


def so_far(catalogue: Catalogue, totals: manifest.Totals, states: np.ndarray) -> Progress:
    done = states == IS_DONE
    failed = states == HAS_FAILED
    for row in totals.replaced:
        done[row] = failed[row] = False
    durations_s = manifest.durations_s(catalogue, totals.rows)
    return Progress(
        rows=totals.current,
        sound_s=totals.duration_s,
        done=int(done.sum()),
        failed=int(failed.sum()),
        done_s=float(durations_s[done].sum(dtype=np.float64)),
    )


def _unsettled(
    catalogue: Catalogue,
    replaced: frozenset[int],
    states: np.ndarray,
    retry: bool,
    pause: Pause,
) -> Iterator[Row]:
    """The rows to do, longest first in each window."""

    def content(address: str) -> bytes:
        return patiently(partial(places.content, address), pause)

    rows = (
        row
        for row in manifest.rows(catalogue, content)
        if row.row not in replaced
        and states[row.row] != IS_DONE
        and (retry or states[row.row] != HAS_FAILED)
    )
    while window := list(islice(rows, WINDOW_ROWS)):
        # One whose length is not known may be long.
        window.sort(key=lambda row: -math.inf if row.duration_s is None else -row.duration_s)
        yield from window


def _sound(rows: Iterator[Row], begun: Run, ended: Callable[[Row, Entry], None]) -> Iterator[Row]:
    """The rows that a worker takes; the others have ended."""
    for row in rows:
        if row.error:
            kind = InputError.__name__
            ended(row, _failed(begun, row, kind, row.error))
        else:
            yield row


def _entry(begun: Run, row: Row, end: pool.Ended[Row], pause: Pause) -> Entry:
    if not end.died:
        return replace(end.result, tries=end.tries)
    patiently(partial(work.put_aside, begun, row), pause)
    reason = f"{row.address}: {end.died}; put aside after {end.tries} tries"
    return _failed(begun, row, DIED, reason, end.tries)


def _failed(begun: Run, row: Row, kind: str, reason: str, tries: int = 1) -> Entry:
    return Entry(
        row=row.row,
        identity=begun.identity,
        state=FAILED,
        kind=kind,
        reason=reason,
        folder=layout.folder_of(begun.output, row),
        tries=tries,
    )
