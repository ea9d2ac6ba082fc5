"""Independent pieces of work side by side, each on one thread.

Torch divides single operations among threads, which then wait for each other after each one. Many
short operations in a row go faster, and much faster on a busy machine, where every thread has a
whole piece for itself. In a caller that torch already holds to one thread, as the engine's segments
are, nothing is divided.

How many threads torch takes is a setting of the whole process, and a thread keeps what was set when
it first used torch. So those who hold torch to one thread are counted, and the last one to leave
sets what was there before the first came.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import chain
from threading import Lock, local
from typing import Protocol, TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


class ParallelMap(Protocol):
    """`parallel_map(work, items)` is `[work(item) for item in items]`."""

    def __call__(self, work: Callable[[T], R], items: Iterable[T]) -> list[R]: ...


def parallel_map(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """`[work(item) for item in items]`, on as many threads as torch has on the CPU.

    A single item has one thread too, so that its sums do not depend on what else there is.
    """
    with thread_pool() as run:
        return run(work, items)


@contextmanager
def thread_pool() -> Iterator[ParallelMap]:
    """A `parallel_map` whose threads stay until the context ends, for many rounds of short work."""
    _heal()
    threads, inference = torch.get_num_threads(), torch.is_inference_mode_enabled()
    if threads == 1:
        yield _in_turn
        return

    def together(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        def run(item: T) -> R:
            with torch.inference_mode(inference):  # a thread does not inherit it
                return work(item)

        return list(pool.map(run, items))

    with one_thread_each() as limit, ThreadPoolExecutor(threads, "unweave", limit) as pool:
        yield together


def with_idle(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """`[work(item) for item in items]`, by this thread and those beside it that are idle.

    Those are the threads that `beside` was told of, as the engine's where a recording has fewer
    segments than there are cores. This thread waits for no thread that has something else to do,
    and each piece of work has one thread, so that its sums do not depend on how many there are.
    The first item is this thread's: where it is the longest and calls this function as well, those
    who are done with the others help with it.
    """
    pool, count = getattr(_mine, "pool", None) or (None, 1)
    tasks = list(items)
    if pool is None or min(count, len(tasks)) < 2:
        return _in_turn(work, tasks)
    inference, left = torch.is_inference_mode_enabled(), iter(range(1, len(tasks)))
    precision, mixed = torch.get_autocast_dtype("cpu"), torch.is_autocast_enabled("cpu")
    done: dict[int, R] = {}

    def take(*first: int) -> None:
        # A thread inherits neither of these.
        with torch.inference_mode(inference), torch.autocast("cpu", precision, enabled=mixed):
            for n in chain(first, left):
                done[n] = work(tasks[n])

    offer = [take]  # what nobody takes stays in the pool's queue for a while, without the work

    def help_out() -> None:
        for each in offer:
            each()

    helpers = [pool.submit(help_out) for _ in range(min(count, len(tasks)) - 1)]
    try:
        take(0)
    finally:
        begun = [helper for helper in helpers if not helper.cancel()]
        wait(begun)
        offer.clear()
    for helper in begun:
        helper.result()
    return [done[n] for n in range(len(tasks))]


def together(*calls: Callable[[], R]) -> list[R]:
    """What each of the calls gives, made `with_idle`; the longest is the first."""
    return with_idle(lambda call: call(), calls)


def beside(pool: ThreadPoolExecutor, count: int) -> None:
    """Tell this thread of the pool that it belongs to, and of how many threads that has."""
    _mine.pool = pool, count


@contextmanager
def one_thread_each() -> Iterator[Callable[[], None]]:
    """Hand out what makes a thread compute alone; later threads have their cores again."""
    _enter()
    try:
        yield lambda: torch.set_num_threads(1)
    finally:
        _leave()


_lock = Lock()
_holders = 0  # who is in `one_thread_each` now
_before = 0  # threads that torch takes otherwise
# `stale`: this thread left while others were at work, and may be held to one; `pool`: see `beside`
_mine = local()


def _enter() -> None:
    global _holders, _before
    with _lock:
        if not _holders:
            with ThreadPoolExecutor(1) as new:  # its threads have what is set for the process
                _before = new.submit(torch.get_num_threads).result()
        _holders += 1


def _leave() -> None:
    global _holders
    with _lock:
        _holders -= 1
        _mine.stale = _holders > 0
        if not _holders:
            torch.set_num_threads(_before)


def _heal() -> None:
    """Give this thread its cores back where nobody could when it left."""
    with _lock:
        if not _holders and getattr(_mine, "stale", False):
            torch.set_num_threads(_before)
            _mine.stale = False


def _after_fork() -> None:
    global _lock, _holders, _before, _mine
    _lock, _holders, _before, _mine = Lock(), 0, 1, local()  # the package has set one thread


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _in_turn(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    return [work(item) for item in items]
