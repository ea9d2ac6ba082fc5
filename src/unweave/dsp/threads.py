"""Independent pieces of work side by side, each on one thread.

Torch divides single operations among threads, which then wait for each other after each one. Many
short operations in a row go faster, and much faster on a busy machine, where every thread has a
whole piece for itself. In a caller that torch already holds to one thread, as the engine's segments
are, nothing is divided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


def each(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """`[work(item) for item in items]`, on as many threads as torch has on the CPU.

    A single item has one thread too, so that its sums do not depend on what else there is.
    """
    items = list(items)
    threads, inference = torch.get_num_threads(), torch.is_inference_mode_enabled()
    if threads == 1:
        return [work(item) for item in items]

    def run(item: T) -> R:
        with torch.inference_mode(inference):  # a thread does not inherit it
            return work(item)

    try:
        with ThreadPoolExecutor(threads, "unweave", torch.set_num_threads, (1,)) as pool:
            return list(pool.map(run, items))
    finally:
        torch.set_num_threads(threads)  # threads that begin later get their cores back
