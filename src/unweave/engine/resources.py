"""What the machine gives: a device, the number of segments at work at once, memory used so far."""

from __future__ import annotations

import os
import sys

from unweave.core.errors import MemoryLimitError, UsageError
from unweave.core.types import Spec
from unweave.engine.plan import plan

ACCELERATOR_BATCH = 4


def choose_device(wanted: str) -> str:
    """The device to compute on: `auto` takes CUDA, then MPS, then the CPU. Raises UsageError."""
    import torch

    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if wanted not in there:
        raise UsageError(f"unknown device {wanted!r}: use auto, cpu, cuda or mps")
    if not there[wanted]:
        raise UsageError(f"device {wanted!r} is not available here: use --device auto")
    return wanted


def choose_batch(
    spec: Spec,
    device: str,
    *,
    wanted: int | None,
    rows: int,
    length: int | None,
    sample_rate_hz: int,
    limit_mb: int | None,
) -> int:
    """Segments at work at once: as asked or one per core, and no more than memory allows.

    length: samples of the recording at `sample_rate_hz`, needed where the separator has no
    segment. Raises MemoryLimitError, with both figures, if a single one would not fit.
    """
    if wanted is not None and wanted < 1:
        raise UsageError(f"batch must be at least 1, got {wanted}")
    grid = plan(spec, spec.sample_rate_hz or sample_rate_hz)
    batch = wanted or (cores() if device == "cpu" else ACCELERATOR_BATCH)
    if grid is not None:
        each_mb = grid.segment * spec.bytes_per_sample / 1e6
    else:
        scale = (spec.sample_rate_hz or sample_rate_hz) / sample_rate_hz
        each_mb = (length or 0) * scale * rows * spec.bytes_per_sample / 1e6
        batch = 1
    if limit_mb is None:
        if grid is not None:
            return batch
        limit_mb = available_mb()
        if limit_mb is None:
            return batch
    free_mb = limit_mb - current_memory_mb()
    if each_mb > free_mb:
        raise MemoryLimitError(
            f"{spec.name} needs about {each_mb + current_memory_mb():.0f} MB for this recording, "
            f"the limit is {limit_mb} MB: raise --max-memory or take a shorter one"
        )
    return max(1, min(batch, int(free_mb / each_mb))) if each_mb else batch


def cores() -> int:
    """Processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def current_memory_mb() -> float:
    """Resident memory of this process now (its peak, where the system tells no more)."""
    try:
        with open("/proc/self/statm") as file:
            import resource

            return int(file.read().split()[1]) * resource.getpagesize() / 1e6
    except OSError:
        return peak_memory_mb() or 0.0


def available_mb() -> int | None:
    """Memory the system could still give in all to this process, or None where it does not say."""
    try:
        with open("/proc/meminfo") as file:
            fields = dict(line.split(":", 1) for line in file)
        free_mb = int(fields["MemAvailable"].split()[0]) * 1024 / 1e6
        return int(free_mb + current_memory_mb())
    except (OSError, KeyError):
        return None


def peak_memory_mb() -> float | None:
    """Largest resident memory of this process so far, in MB; None on systems that do not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
