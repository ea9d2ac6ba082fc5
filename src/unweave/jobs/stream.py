"""The stems of a running job as they are finished, for whoever cannot wait for its files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any

from unweave.errors import Cancelled
from unweave.types import Block, OnBlock, ShouldStop

AHEAD = 2  # blocks that wait for the reader: then the job waits for them to be taken
POLL_S = 0.1

Job = Callable[[OnBlock, ShouldStop], dict[str, Any]]
"""Does the work and returns its report."""


class StemStream(Iterator[Block]):
    """Iterates over the blocks of a job that is at work on a thread of its own.

        with unweave.stream("song.mp3") as stream:
            for block in stream:
                play(block.stems["vocals"])
        stream.report

    When the last block is out, the files are complete and `report` is there. Leaving the `with`
    before that cancels the job, which leaves no file. What the job raises comes out of the
    iteration.
    """

    def __init__(self, job: Job) -> None:
        self.report: dict[str, Any] | None = None
        self._blocks: Queue[Block | None] = Queue(AHEAD)
        self._error: BaseException | None = None
        self._stopped = Event()
        self._thread = Thread(target=self._work, args=(job,), daemon=True)
        self._thread.start()

    def __enter__(self) -> StemStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __next__(self) -> Block:
        block = None
        while block is None:
            try:
                block = self._blocks.get(timeout=POLL_S)
            except Empty:
                if not self._thread.is_alive() and self._blocks.empty():
                    if self._error is not None:
                        raise self._error from None
                    raise StopIteration from None
        return block

    def close(self) -> None:
        """End the job, if it is still at work, and wait until nothing of it is left."""
        self._stopped.set()
        self._thread.join()

    def _work(self, job: Job) -> None:
        try:
            self.report = job(self._put, self._stopped.is_set)
        except BaseException as error:
            if not (isinstance(error, Cancelled) and self._stopped.is_set()):
                self._error = error

    def _put(self, block: Block) -> None:
        while not self._stopped.is_set():
            try:
                return self._blocks.put(block, timeout=POLL_S)
            except Full:
                continue
        raise Cancelled("the stream was closed")
