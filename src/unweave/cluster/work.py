"""What a worker does with a row: fetch the recording, do what is asked for, bring the files home.

A row is finished when its files are complete under their final names and its report is there, which
comes last. Whoever meets a finished row leaves it as it is.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from unweave import jobs
from unweave.cluster import places, scratch
from unweave.cluster.catalogue import Run
from unweave.cluster.layout import Brought, brought, folder_of
from unweave.cluster.log import DONE, FAILED, Entry, Made
from unweave.cluster.manifest import Row
from unweave.cluster.outage import StoreError, patiently
from unweave.core.atomic import atomic_path, remove_empty
from unweave.core.file_names import safe
from unweave.core.status import Status
from unweave.engine.executor import Executor
from unweave.errors import Cancelled, InTheWayError, UnweaveError
from unweave.jobs import Job, attempt, turns
from unweave.types import OnProgress, ShouldStop

T = TypeVar("T")


class Work:
    """Rows of one run, done in this process with one executor.

    Several threads may call it, each with a row: one separates at a time, while the others fetch
    and upload.
    """

    def __init__(self, run: Run, executor: Executor) -> None:
        self._run = run
        self._executor = executor
        self._do = run.request.work(executor)
        self._turn = Lock()
        self._scratch = scratch.folder()
        self._worker = f"{socket.gethostname()}:{os.getpid()}"

    def __call__(self, row: Row) -> Entry:
        """Do a row; whatever goes wrong with it is in its entry.

        A store that is away is waited for. Raises CannotLoadError where no row can be done,
        Cancelled.
        """
        started = time.monotonic()
        entry = Entry(
            row=row.row,
            identity=self._run.identity,
            state=FAILED,
            folder=folder_of(self._run.output, row),
            worker=self._worker,
        )
        try:
            entry = self._done(row, entry)
        except (jobs.CannotLoadError, Cancelled):
            raise
        except UnweaveError as error:
            kind = getattr(error, "kind", type(error).__name__)
            entry = replace(entry, kind=kind, reason=str(error))
        except Exception as error:
            name = type(error).__name__
            reason = f"{row.address}: unexpected {name}: {' '.join(str(error).split())[:500]}"
            entry = replace(entry, kind=name, reason=reason)
        return replace(entry, seconds=time.monotonic() - started, at=time.time())

    def _done(self, row: Row, entry: Entry) -> Entry:
        report = self._patiently(entry.folder, partial(finished, self._run, row))
        if report is not None:
            return replace(_of_report(entry, report), separate_s=0.0)
        with scratch.inside(self._scratch) as here:
            beside = self._patiently(row.address, partial(_beside, self._run, row, here))
            if places.is_local(row.address):
                source = places.local(row.address)
            else:
                source = here / "in" / safe(row.address.rpartition("/")[2] or "recording")
                source.parent.mkdir()
                self._patiently(row.address, partial(places.fetch, row.address, source))
            there = places.is_local(self._run.output)
            target = places.local(entry.folder) if there else here / "out"
            job = _job(
                self._run, source, target, {what: each.place for what, each in beside.items()}
            )
            with self._turn:
                outcome = _attempt(self._do, job, row)
            if outcome.report is None or outcome.report_path is None:
                if outcome.status is Status.CANCELLED:
                    raise Cancelled(f"{row.address}: stopped")
                reason = outcome.error
                for path, address in _addresses(row, source, beside).items():
                    reason = reason.replace(path, address)
                return replace(entry, kind=outcome.error_kind, reason=reason)
            said = _told(self._run, outcome.report, outcome.report_path, row)
            if not there:
                names = [item["path"] for item in _items(said)]
                for name in (*names, self._run.request.report):  # which comes last
                    place = places.joined(entry.folder, name)
                    self._patiently(place, partial(places.upload, target / name, place))
        return _of_report(entry, said)

    def _patiently(self, address: str, call: Callable[[], T]) -> T:
        """What a call to the store of an address gives.

        Raises Cancelled, StoreError, and what it raises.
        """
        self._executor.check(address, None)
        try:
            return patiently(call, self._executor.stopped.wait, places.patience_s(address))
        except StoreError:
            self._executor.check(address, None)
            raise


def finished(run: Run, row: Row) -> dict[str, Any] | None:
    """The report of a row that is finished: of an equal request and a recording of that size, with
    every stem in its place. Raises InputError, StoreError.

    A row that stands for an older one is told from it by the hash of its recording alone, which
    only its separation knows: it counts as not finished.
    """
    if row.replaces is not None:
        return None
    folder = folder_of(run.output, row)
    address = places.joined(folder, run.request.report)
    if places.size(address) is None:
        return None
    try:
        report = json.loads(places.content(address))
        equal = run.request.is_of(report)
        same = row.bytes is None or report["input"]["bytes"] == row.bytes
        whole = all(
            places.size(places.joined(folder, item["path"])) == item["bytes"]
            for item in _items(report)
        )
        _of_report(Entry(row=row.row, identity="", state=""), report)
    except (ValueError, KeyError, TypeError):
        return None
    return report if equal and same and whole else None


def put_aside(run: Run, row: Row) -> None:
    """Remove the stems of a row whose workers died, where no report speaks for them.

    Raises InputError, OutputError, StoreError.
    """
    folder = folder_of(run.output, row)
    if places.is_local(folder):
        turns.tidy(_job(run, places.local(row.address), places.local(folder), {}))
        remove_empty([places.local(folder)])
    elif finished(run, row) is None:
        for name in (run.request.report, *run.request.files().values()):
            places.remove(places.joined(folder, name))


def _beside(run: Run, row: Row, here: Path) -> dict[str, Brought]:
    """What a row needs besides its recording. Raises InputError, StoreError."""
    patterns = run.request.beside
    return {what: brought(pattern, row, here / what) for what, pattern in patterns.items()}


def _addresses(row: Row, source: Path, beside: Mapping[str, Brought]) -> dict[str, str]:
    """`[path here]`: the address of each file that a row is made of."""
    found = {str(source): row.address}
    for each in beside.values():
        found |= each.addresses
    return found


def _job(run: Run, source: Path, target: Path, beside: Mapping[str, Path]) -> Job:
    outputs = {what: target / name for what, name in run.request.files().items()}
    return Job(source=source, outputs=outputs, report=target / run.request.report, beside=beside)


def _attempt(work: attempt.Work, job: Job, row: Row) -> attempt.Outcome:
    def nobody(_: object) -> None:
        return None

    on_progress: OnProgress = nobody
    should_stop: ShouldStop = bool
    outcome = attempt.attempt(work, job, on_progress, should_stop)
    if row.replaces is not None and outcome.error_kind == InTheWayError.kind:
        outcome = attempt.attempt(work, replace(job, overwrite=True), on_progress, should_stop)
    return outcome


def _told(run: Run, report: Mapping[str, Any], path: Path, row: Row) -> Mapping[str, Any]:
    """The report with the address of the recording, rather than where it was fetched to, and with
    what it says of the run."""
    said = {**report, **run.request.marks()}
    if not places.is_local(row.address):
        said["input"] = {**report["input"], "path": row.address}
    if said != report:
        with atomic_path(path) as hidden:
            hidden.write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return said


def _items(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The files that a report names."""
    return [*report["stems"], *report.get("exports", ())]


def _of_report(entry: Entry, report: Mapping[str, Any]) -> Entry:
    """What a report says, as an entry of the log."""
    execution = report["execution"]
    return replace(
        entry,
        state=DONE,
        sha256=report["input"]["sha256"],
        outputs=tuple(
            Made(name=item["path"], bytes=item["bytes"], sha256=item["sha256"])
            for item in _items(report)
        ),
        duration_s=report["input"]["duration_s"],
        separate_s=execution["seconds"].get("separate", execution["seconds"]["total"]),
        peak_memory_mb=execution["peak_memory_mb"],
        warnings=len(report["warnings"]),
    )
