"""How a program that separates gets its memory: it keeps what it frees, in large pages.

Every segment needs the same large arrays for a moment. Left alone, glibc hands them back to the
system and requests them again, and the system clears them page by page. And a processor looks up
each page that it touches: with pages of 4 KB, threads that compute side by side spend much of their
time on that, above all in a virtual machine. Both are settings of the whole process: a program
decides on them, as the command line does, and no function of the library. Elsewhere than on Linux
with glibc this does nothing.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from typing import Any

# From glibc's malloc.h: the heap shrinks when this is free; blocks below this come from the heap.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
KEPT = 256 << 20
HEAP_BLOCKS = 32 << 20  # the largest that glibc takes
LARGE_PAGES = "THP_MEM_ALLOC_ENABLE"  # torch reads it at its first array; somebody's 0 stays


@cache
def settle() -> None:
    """From now on this process keeps up to KEPT bytes that it has freed, in one heap, and torch
    requests large pages for large arrays. Call it before torch is used and threads are started."""
    if sys.platform == "linux":
        os.environ.setdefault(LARGE_PAGES, "1")
    library: Any = ctypes.CDLL(None) if sys.platform == "linux" else None
    if hasattr(library, "mallopt"):
        # Threads that share one heap fill each other's gaps; large arrays are few enough to wait.
        library.mallopt(M_ARENA_MAX, 1)
        library.mallopt(M_MMAP_THRESHOLD, HEAP_BLOCKS)
        library.mallopt(M_TRIM_THRESHOLD, KEPT)
