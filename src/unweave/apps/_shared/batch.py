"""Songs one after the other, each told how far it is over all passes through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from unweave.jobs import Job, Outcome, Watcher, cancelled
from unweave.jobs.attempt import Work, attempt
from unweave.types import OnProgress, Progress, ShouldStop


def run(
    jobs: Sequence[Job], work: Work, watcher: Watcher, should_stop: ShouldStop
) -> list[Outcome]:
    """Do every song; the outcomes are in the order of `jobs`."""
    outcomes = []
    for job in jobs:
        if should_stop():
            outcomes.append(cancelled(job))
            continue
        watcher.started(job)
        outcomes.append(attempt(work, job, partial(watcher.progress, job), should_stop))
        watcher.finished(outcomes[-1])
    return outcomes


@dataclass
class Watch:
    """Tells how far a song is, over all `passes` through it, and stops where it is asked to.

    The first pass is the separation.
    """

    on_progress: OnProgress | None
    check: Callable[[], None]
    passes: int
    done_s: float = 0.0  # of sound, in the passes that are over and in this one
    total_s: float | None = None

    def separating(self, progress: Progress) -> None:
        self.total_s = progress.total_s and self.passes * progress.total_s
        self.done_s = progress.done_s
        self._tell()

    def add(self, seconds: float) -> None:
        self.done_s += seconds
        self._tell()
        self.check()

    def _tell(self) -> None:
        if self.on_progress is not None:
            total_s = self.total_s and max(self.total_s, self.done_s)
            self.on_progress(Progress(self.done_s, total_s))
