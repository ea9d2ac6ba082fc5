"""The threads that compute, one segment each: those of all separations at work in a process."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock


class Workers:
    """As many threads as segments may be at work at once, shared by whoever is at work.

    They are there while somebody is: before the first comes and after the last has left there are
    no threads, and torch has its own number of them again (see `signal/threads.py`).
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._lock = Lock()
        self._users = 0
        self._pool: ThreadPoolExecutor | None = None

    @contextmanager
    def at_work(self) -> Iterator[ThreadPoolExecutor]:
        """Hand out the threads; torch holds each to one of the processor's own."""
        from unweave.signal.threads import beside, one_thread_each

        with one_thread_each() as limit:
            with self._lock:
                self._users += 1
                if self._pool is None:

                    def begin() -> None:
                        limit()
                        beside(made, self.count)

                    made = ThreadPoolExecutor(self.count, "unweave", initializer=begin)
                    self._pool = made
                pool = self._pool
            try:
                yield pool
            finally:
                with self._lock:
                    self._users -= 1
                    last = not self._users
                    if last:
                        self._pool = None
                if last:
                    pool.shutdown(wait=True)
