"""Songs one after the other, each from its file to the files of a use and their report.

What is alike in all uses is here: one run at a time works on a song, what is finished is skipped,
what is made gets its names together, and the user sees how far it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from unweave.apps._shared import results
from unweave.audio.writer import Encoding
from unweave.core.files import shown
from unweave.core.status import Status
from unweave.engine.executor import Executor, shared
from unweave.engine.limits import peak_memory_mb
from unweave.engine.report import rounded, versions
from unweave.engine.source import Watched
from unweave.jobs import Job, Outcome, Watcher
from unweave.jobs.attempt import Work, Worker
from unweave.jobs.pool import Todo
from unweave.jobs.runner import run_all
from unweave.jobs.turns import clear, turn
from unweave.types import OnProgress, Progress, ShouldStop

Order = TypeVar("Order")


def run(
    jobs: Sequence[Job],
    worker: Worker,
    watcher: Watcher,
    should_stop: ShouldStop,
    workers: int = 1,
) -> list[Outcome]:
    """Do every song, so many at a time; the outcomes are in the order of `jobs`."""
    todo = _started(jobs, watcher, should_stop)
    return run_all(jobs, todo, worker, watcher, workers, should_stop)


def _started(jobs: Sequence[Job], watcher: Watcher, should_stop: ShouldStop) -> Todo:
    for job in jobs:
        if should_stop():
            return
        watcher.started(job)
        yield job


@dataclass(frozen=True, kw_only=True)
class Made:
    """report: but for what is alike in all. files: complete ones, by their names in the outputs of
    the job. sounds: what is said of each of them that is sound."""

    report: Mapping[str, Any]
    files: Mapping[str, Path]
    sounds: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A song that was looked at and may be worked on.

    job: with every file that may come. watched: the recording, from before it was opened. facts: of
    all that is meant to change a byte, None where that cannot be told. reads: files that are read.
    make: makes the files in a hidden folder.
    """

    job: Job
    watched: Watched
    facts: Mapping[str, Any] | None
    reads: Iterable[Path]
    make: Callable[[Path], Made]


@dataclass(frozen=True)
class Use(Generic[Order]):
    """One use of separation, for songs with an order: what is asked for of each.

    schema_version: of its reports. revision: goes up when it makes other bytes. look: looks at a
    song before any work.
    """

    name: str
    schema_version: int
    revision: int
    look: Callable[[Job, Order, Watch], Ready]

    def run(
        self,
        jobs: Sequence[Job],
        order: Order,
        watcher: Watcher,
        should_stop: ShouldStop,
        workers: int = 1,
    ) -> list[Outcome]:
        """Do every song, so many at a time; the outcomes are in the order of `jobs`."""
        return run(jobs, partial(self.work, order), watcher, should_stop, workers)

    def work(self, order: Order, executor: Executor) -> Work:
        """The work of one process."""
        return partial(self.do, order=order, executor=executor)

    def do(
        self,
        job: Job,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
        *,
        order: Order,
        executor: Executor | None = None,
    ) -> Outcome:
        """Do one song, unless that is done already. Raises what goes wrong."""
        from unweave import __version__

        started = time.perf_counter()
        watch = Watch(job, on_progress, should_stop, executor)
        with turn(job):
            clear(job)
            ready = self.look(job, order, watch)
            job = ready.job
            identity = results.identity(self.name, self.revision, ready.facts)
            existing = results.look(job, self.name, identity, ready.reads)
            if existing.report is not None:
                return _outcome(job, Status.SKIPPED, existing.report)
            with results.scratch(job) as scratch:
                made = ready.make(scratch)
                recording = ready.watched.hashed()
                said = {
                    "schema_version": self.schema_version,
                    "unweave": __version__,
                    "use": self.name,
                    "identity": identity,
                    **made.report,
                    "input": {
                        **made.report["input"],
                        "sha256": recording.sha256,
                        "bytes": recording.bytes,
                    },
                    "warnings": list(dict.fromkeys(made.report["warnings"])),
                    "execution": {
                        "versions": versions(),
                        "peak_memory_mb": rounded(peak_memory_mb(), 1),
                        "seconds": {"total": round(time.perf_counter() - started, 3)},
                        **made.report.get("execution", {}),
                    },
                }
                report = results.published(job, said, made.files, made.sounds, existing.own)
            job = replace(job, outputs={name: job.outputs[name] for name in made.files})
        return _outcome(job, Status.DONE, report)


def _outcome(job: Job, status: Status, report: dict[str, Any]) -> Outcome:
    return Outcome(source=job.source, job=job, status=status, report=report, report_path=job.report)


def output_facts(how: Encoding, *others: Encoding) -> dict[str, Any]:
    """What a report says of how the sound is written, and of sound that is written otherwise."""
    return {
        "format": how.format,
        "bit_depth": how.bit_depth,
        "sample_rate_hz": how.sample_rate_hz,
        "notes": [note for each in (how, *others) for note in each.notes],
    }


class Watch:
    """Tells how far a song is, over all `passes` through it, and stops where it is asked to.

    The first pass is the separation. passes, total_s: what is known of them; more as it is found.
    """

    def __init__(
        self,
        job: Job,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
        executor: Executor | None,
    ) -> None:
        executor = executor or shared()
        self.passes = 1
        self.total_s: float | None = None
        self.check = partial(executor.check, shown(job.source), should_stop)
        self._watched = {"should_stop": should_stop, "executor": executor}
        self._on_progress = on_progress
        self._done_s = 0.0  # of sound, in the passes that are over and in this one

    def separate(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """`unweave.separate_file`, which tells how far it is, and stops."""
        from unweave.api import separate_file

        watched = {"on_progress": self._separating, **self._watched}
        return separate_file(*arguments, **{**watched, **options})

    def add(self, seconds: float) -> None:
        self._done_s += seconds
        self._tell()
        self.check()

    def _separating(self, progress: Progress) -> None:
        self.total_s = progress.total_s and self.passes * progress.total_s
        self._done_s = progress.done_s
        self._tell()

    def _tell(self) -> None:
        if self._on_progress is not None:
            total_s = self.total_s and max(self.total_s, self._done_s)
            self._on_progress(Progress(self._done_s, total_s))
