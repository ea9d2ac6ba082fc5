"""How a program that separates gets its memory: it keeps what it frees, some of it in large pages.

Every segment needs the same large arrays for a moment. Left alone, glibc hands them back to the
system and requests them again, and the system clears them page by page. And a processor looks up
each page that it touches: with pages of 4 KB, threads that compute side by side on very large
arrays spend much of their time on that, above all in a virtual machine. Both are settings of the
whole process: a program decides on them, as the command line does, and no function of the library.
Elsewhere than on Linux with glibc this does nothing.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

# From glibc's malloc.h: the heap shrinks when this is free; blocks below this come from the heap.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
KEPT = 256 << 20
# Larger blocks would leave gaps in the heap that the next segment's blocks do not fit into, so that
# it grows for minutes; smaller ones are too many to request from the system one by one.
HEAP_BLOCKS = 8 << 20
LARGE_PAGES = "THP_MEM_ALLOC_ENABLE"  # torch reads it at its first array; somebody's 0 stays

_settled = False


@cache
def settle() -> None:
    """From now on this process keeps up to KEPT bytes that it has freed, in one heap, and has
    torch request large pages for the networks that gain by them (`use_large_pages`)."""
    global _settled
    _settled = True
    library: Any = ctypes.CDLL(None) if sys.platform == "linux" else None
    if hasattr(library, "mallopt"):
        # Threads that share one heap fill each other's gaps; large arrays are few enough to wait.
        library.mallopt(M_ARENA_MAX, 1)
        library.mallopt(M_MMAP_THRESHOLD, HEAP_BLOCKS)
        library.mallopt(M_TRIM_THRESHOLD, KEPT)


def of_children() -> dict[str, str]:
    """Variables with which a process has the settings of `settle` from its first thread on.

    For programs whose threads are there before `settle` can be called: every thread that has a heap
    by then keeps it, and heaps of threads hold no large arrays.
    """
    return {
        "MALLOC_ARENA_MAX": "1",
        "MALLOC_MMAP_THRESHOLD_": f"{HEAP_BLOCKS}",
        "MALLOC_TRIM_THRESHOLD_": f"{KEPT}",
    }


def use_large_pages() -> None:
    """Have torch's large arrays lie in large pages, which take some more memory.

    It is so where the program has called `settle` and torch has made no array yet.
    """
    if _settled and sys.platform == "linux":
        os.environ.setdefault(LARGE_PAGES, "1")


@contextmanager
def no_collection() -> Iterator[None]:
    """No search for garbage inside. Importing torch makes a million objects and hardly any.

    Nor are they searched later, where the program has called `settle`.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if _settled:
            gc.freeze()
        if enabled:
            gc.enable()
