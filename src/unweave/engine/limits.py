"""What this process may take of the machine: processors, and memory.

A container has less than its host. The kernel says so in the control groups (cgroups, of both
versions) that the process is in, and each group is bound by those around it.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unweave.errors import MemoryLimitError

ROOT = Path("/")  # tests put another one in its place
TORCH_BYTES = 900_000_000  # of addresses, with the weights of the default model
UNLIMITED = 1 << 62  # version 1 writes a number near 2**63 where there is no limit


def cores() -> int:
    """Processors this process may use; a share of one counts as one."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return max(1, min([count, *(math.ceil(share) for share in _quotas())]))


def available_mb() -> int | None:
    """Memory this process could hold in all, what it holds included; None where nothing says."""
    free = [*_free_of_the_machine(), *_free_in_groups(), *_free_addresses()]
    return int(max(0, min(free)) / 1e6 + current_memory_mb()) if free else None


def current_memory_mb() -> float:
    """Resident memory of this process now (its peak, on systems that report nothing else)."""
    pages = _pages()
    return pages[1] / 1e6 if pages else peak_memory_mb() or 0.0


def peak_memory_mb() -> float | None:
    """Largest resident memory of this process so far, in MB; None on systems that do not say."""
    try:  # Linux: what the other way gives begins with the process that started this one
        with open("/proc/self/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024 / 1e6
    except (OSError, ValueError):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def room_for_torch() -> None:
    """Raises MemoryLimitError where `ulimit -v` leaves torch no room: loading it would abort."""
    try:
        import resource
    except ImportError:  # Windows
        return
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    if most != resource.RLIM_INFINITY and most < TORCH_BYTES:
        raise MemoryLimitError(
            f"this process may use {most // 10**6} MB of addresses, too few for PyTorch: allow "
            "2 GB or more (ulimit -v)"
        )


@contextmanager
def enough_memory() -> Iterator[None]:
    """What a library says when the system gives no more memory, as a MemoryLimitError."""
    try:
        yield
    except (MemoryError, RuntimeError, ImportError, SystemError) as error:
        words = str(error).lower()
        if not isinstance(error, MemoryError) and not any(said in words for said in _NO_MEMORY):
            raise
        raise MemoryLimitError(
            "the system gives no more memory: use fewer --jobs, a smaller --batch, another "
            "separator, or a wider limit (ulimit -v)"
        ) from error


_NO_MEMORY = (  # words of torch, of Python and of the loader of libraries
    "can't allocate memory",
    "cannot allocate memory",
    "out of memory",
    "bad_alloc",  # of C++
    "can't start new thread",
    "failed to map segment",
    "error return without exception set",  # C code that had no room for its exception
    "returned null without setting an exception",
)


def _free_of_the_machine() -> Iterator[int]:
    for line in (_read(ROOT / "proc/meminfo") or "").splitlines():
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024


def _free_in_groups() -> Iterator[int]:
    """Bytes between each group's limit and what it uses. Files it has read can be dropped again."""
    for group in _groups("memory"):
        for limit, usage, cache in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most, used = _number(group / limit), _number(group / usage)
            if most is not None and most < UNLIMITED:
                lines = (_read(group / "memory.stat") or "").splitlines()
                files = dict(line.split() for line in lines if line.count(" ") == 1)
                yield most - max(0, (used or 0) - int(files.get(cache, 0)))


def _free_addresses() -> Iterator[int]:
    """What `ulimit -v` leaves."""
    pages = _pages()
    if pages:
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        if most != resource.RLIM_INFINITY:
            yield most - pages[0]


def _quotas() -> Iterator[float]:
    """Processors that each group may keep busy."""
    for group in _groups("cpu"):
        quota, period = _number(group / "cpu.cfs_quota_us"), _number(group / "cpu.cfs_period_us")
        words = (_read(group / "cpu.max") or "").split()
        if len(words) == 2 and words[0] != "max":
            quota, period = int(words[0]), int(words[1])
        if quota and period and quota > 0:
            yield quota / period


def _groups(controller: str) -> Iterator[Path]:
    """The folders of the groups this process is in, each with those around it, for `controller`.

    What is not there is passed over: a container sees its own group as the outermost, under the
    name that the host knows.
    """
    mounted = ROOT / "sys/fs/cgroup"
    for line in (_read(ROOT / "proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2, alone or beside version 1
            tops = [mounted, mounted / "unified"]
        elif controller in controllers.split(","):
            tops = [mounted / controller, mounted / controllers]
        else:
            continue
        inner = Path(path.lstrip("/"))
        for top in tops:
            yield from (group for part in (inner, *inner.parents) if (group := top / part).is_dir())


def _pages() -> tuple[int, int] | None:
    """Bytes of address space and of memory that this process holds."""
    text = _read(Path("/proc/self/statm"))
    if text is None:
        return None
    import resource

    size, resident = text.split()[:2]
    return int(size) * resource.getpagesize(), int(resident) * resource.getpagesize()


def _number(file: Path) -> int | None:
    text = (_read(file) or "").strip()
    return int(text) if text.lstrip("-").isdigit() else None


def _read(file: Path) -> str | None:
    try:
        return file.read_text()
    except OSError:
        return None
