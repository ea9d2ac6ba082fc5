"""Child processes, each of which does one job after another.

They are started afresh (spawn) and share nothing with the parent but a pipe, so one that is killed
can leave no lock behind. Jobs come down the pipe, an empty message or its end means stop: a thread
in the child sees it, and ends a child that does not stop by itself, as inside a long computation.
A child that dies (for lack of memory, say) costs only what it was working on.
"""

from __future__ import annotations

import multiprocessing
import pickle
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

from unweave.core.ending import described, end_now, leave_to_parent

_context = multiprocessing.get_context("spawn")


@dataclass(slots=True)
class Child:
    """One process, for its parent. job: None while it is idle, which whoever listens to it says."""

    process: Any
    pipe: Connection
    job: Any = None
    stopping: bool = False

    @property
    def ended(self) -> str:
        """What to say of one that has died."""
        return f"{described(self.process.exitcode)}; use --jobs 1"


class Children:
    """Processes that run `main(pipe, *arguments)`, as many as were busy at once."""

    def __init__(self, main: Callable[..., None], *arguments: object) -> None:
        self._main = main
        self._arguments = arguments
        self._alive: list[Child] = []

    @property
    def busy(self) -> list[Child]:
        return [child for child in self._alive if child.job is not None]

    def hand(self, job: object) -> None:
        """Give the job to an idle child, or to a new one where none is left alive."""
        for child in [child for child in self._alive if child.job is None]:
            try:
                child.pipe.send(job)
            except OSError:  # it died while idle, which costs nothing
                self._bury(child)
            else:
                child.job = job
                return
        here, there = _context.Pipe()
        arguments = (there, *self._arguments)
        process = _context.Process(target=self._main, args=arguments, daemon=True)
        process.start()
        there.close()
        with suppress(OSError):  # it has died at once, which `listen` finds out
            here.send(job)
        self._alive.append(Child(process, here, job))

    def listen(self) -> Iterator[tuple[Child, Any]]:
        """The next message of each busy child that says something soon; None: it has died."""
        busy = self.busy
        ready = wait([child.pipe for child in busy], timeout=0.2)
        for child in busy:
            if child.pipe in ready:
                try:
                    message = child.pipe.recv()
                except (EOFError, OSError):
                    self._bury(child)
                    message = None
                yield child, message

    def stop(self) -> None:
        """Ask the busy ones to end."""
        for child in self.busy:
            if not child.stopping:
                child.stopping = True
                with suppress(OSError):  # it has died, which `listen` finds out
                    child.pipe.send_bytes(b"")

    def end(self, patience_s: float = 0.0) -> None:
        """Have all ended: those that do not end by themselves are killed."""
        for child in self._alive:
            child.pipe.close()
        deadline = time.monotonic() + patience_s
        for child in self._alive:
            child.process.join(max(0.0, deadline - time.monotonic()))
            child.process.kill()
            child.process.join()

    def _bury(self, child: Child) -> None:
        self._alive.remove(child)
        child.process.join()


class Parent:
    """The parent, for a child: made before the child starts on anything that takes long.

    patience_s: how long a child that is told to stop may go on; where the parent is gone, it ends
    at once.
    """

    def __init__(self, pipe: Connection, patience_s: float = 0.0) -> None:
        leave_to_parent()
        self.stopped = Event()
        self._pipe = pipe
        self._patience_s = patience_s
        self._left = False
        self._jobs: SimpleQueue[bytes] = SimpleQueue()
        Thread(target=self._obey, daemon=True).start()

    def jobs(self) -> Iterator[Any]:
        """Jobs as they come, until the parent says stop."""
        while not self.stopped.is_set() and (job := self._jobs.get()):
            yield pickle.loads(job)  # noqa: S301 - of our own parent, by a pipe of its own
        if self._left:
            end_now(1)  # what it would tidy up is left to us

    def tell(self, message: object) -> None:
        with suppress(OSError):  # it has left, which `_obey` sees as well
            self._pipe.send(message)

    def _obey(self) -> None:
        """Take jobs until the parent says stop or leaves; then end what does not stop."""
        patience_s = self._patience_s
        try:
            while job := self._pipe.recv_bytes():
                self._jobs.put(job)
        except (EOFError, OSError):
            self._left = True
            parent = multiprocessing.parent_process()
            if parent is None or not parent.is_alive():
                patience_s = 0.0
        self.stopped.set()
        self._jobs.put(b"")
        time.sleep(patience_s)
        end_now(1)
