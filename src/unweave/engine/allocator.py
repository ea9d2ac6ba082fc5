"""Let the C library keep what it frees from one segment to the next.

Every segment needs the same large arrays for a moment. Left alone, glibc hands them back to the
system and requests them again, and the system clears them page by page: a tenth of the time of a
separation. It is a setting of the whole process: a program decides on it, as the command line does,
and no function of the library. Elsewhere than on glibc this does nothing.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

# From glibc's malloc.h: the heap shrinks when this is free; blocks below this come from the heap.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
KEPT = 256 << 20
HEAP_BLOCKS = 32 << 20  # the largest that glibc takes


@cache
def keep_freed_memory() -> None:
    """From now on this process keeps up to KEPT bytes that it has freed, in one heap."""
    library: Any = ctypes.CDLL(None) if sys.platform == "linux" else None
    if hasattr(library, "mallopt"):
        # Threads that share one heap fill each other's gaps; large arrays are few enough to wait.
        library.mallopt(M_ARENA_MAX, 1)
        library.mallopt(M_MMAP_THRESHOLD, HEAP_BLOCKS)
        library.mallopt(M_TRIM_THRESHOLD, KEPT)
