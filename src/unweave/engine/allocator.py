"""Let the C library keep what it frees while segments are at work.

Every segment needs the same large arrays for a moment. Left alone, glibc hands them back to the
system and asks for them again, and the system clears them page by page: a tenth of the time of a
separation. Elsewhere than on glibc this does nothing.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# From glibc's malloc.h: the heap shrinks when this is free; blocks below this come from the heap.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
HEAP_BLOCKS = 32 << 20  # the largest that glibc takes
KEPT, USUAL = 256 << 20, 64 << 20  # the second is where glibc's own adaptation would end up


@contextmanager
def memory_kept() -> Iterator[None]:
    """Freed memory stays with the process inside, and goes back to the system at the end."""
    library: Any = ctypes.CDLL(None) if sys.platform == "linux" else None
    if not (hasattr(library, "mallopt") and hasattr(library, "malloc_trim")):
        yield
        return
    # Threads that share one heap fill each other's gaps; large arrays are few enough to wait for.
    library.mallopt(M_ARENA_MAX, 1)
    library.mallopt(M_MMAP_THRESHOLD, HEAP_BLOCKS)
    library.mallopt(M_TRIM_THRESHOLD, KEPT)
    try:
        yield
    finally:
        library.mallopt(M_TRIM_THRESHOLD, USUAL)
        library.malloc_trim(0)
