"""Independent pieces of work side by side, each on one thread.

Torch divides single operations among threads, which then wait for each other after each one. Many
short operations in a row go faster, and much faster on a busy machine, where every thread has a
whole piece for itself. In a caller that torch already holds to one thread, as the engine's segments
are, nothing is divided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


class Each(Protocol):
    """`each(work, items)` is `[work(item) for item in items]`."""

    def __call__(self, work: Callable[[T], R], items: Iterable[T]) -> list[R]: ...


def each(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """`[work(item) for item in items]`, on as many threads as torch has on the CPU.

    A single item has one thread too, so that its sums do not depend on what else there is.
    """
    with team() as run:
        return run(work, items)


@contextmanager
def team() -> Iterator[Each]:
    """An `each` whose threads stay until the end of the context, for many rounds of short work."""
    threads, inference = torch.get_num_threads(), torch.is_inference_mode_enabled()
    if threads == 1:
        yield _in_turn
        return

    def together(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        def run(item: T) -> R:
            with torch.inference_mode(inference):  # a thread does not inherit it
                return work(item)

        return list(pool.map(run, items))

    try:
        with ThreadPoolExecutor(threads, "unweave", torch.set_num_threads, (1,)) as pool:
            yield together
    finally:
        torch.set_num_threads(threads)  # threads that begin later get their cores back


def _in_turn(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    return [work(item) for item in items]
