"""Resources of a separation: device, segments in parallel, memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from unweave.errors import MemoryLimitError, UsageError, quoted
from unweave.types import Spec

ACCELERATOR_BATCH = 4
# Limit for the memory of all segments in parallel, without --batch, on any number of cores.
MOST_MB = 4000.0


@dataclass(frozen=True, slots=True)
class Share:
    """batch: segments in parallel. most_samples: how long a recording that is held whole may
    be, at its own rate, within `limit_mb`; None where its length does not matter. mb: the working
    memory that this comes to; fits: whether there is as much."""

    batch: int
    most_samples: int | None = None
    limit_mb: int | None = None
    mb: float = field(default=0.0, compare=False)
    fits: bool = field(default=True, compare=False)


def choose_device(wanted: str) -> str:
    """The device to compute on: `auto` takes CUDA, then MPS, then the CPU. Raises UsageError.

    wanted: `auto`, `cpu`, `mps`, `cuda`, or `cuda:N`, the card with that number.
    """
    import torch

    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    kind, colon, number = wanted.partition(":")
    if kind not in there or (colon and not (kind == "cuda" and number.isdecimal())):
        raise UsageError(f"unknown device {quoted(wanted)}: use auto, cpu, mps, cuda or cuda:N")
    if not there[kind]:
        raise UsageError(f"device {wanted!r} is not available here: use 'auto'")
    if number and int(number) >= (count := torch.cuda.device_count()):
        cards = "is one card" if count == 1 else f"are {count} cards, cuda:{count - 1} the last"
        raise UsageError(f"device {wanted!r} is not available here: there {cards}")
    return wanted


def choose_share(
    name: str,
    parts: Sequence[Spec],
    device: str,
    *,
    wanted: int | None,
    groups: int,
    length: int | None,
    sample_rate_hz: int,
    limit_mb: int | None,
    available_mb: int | None,
    held_mb: float,
    workers: int,
) -> Share:
    """The batch: as requested, or a segment for each worker, within the memory limit.

    parts: what is run at a time, the separator `name` or its members. groups: of channels that are
    separated each by itself. length: samples of the recording at `sample_rate_hz`, None where they
    are not known. limit_mb: of the whole process; None: `available_mb`, what the system can give.
    held_mb: what the process holds already, or has promised to others. workers: segments that can
    be at work at once on a CPU. Raises MemoryLimitError, with both sizes, if the recording, where
    it is held whole, or a single segment would not fit; segments are refused only where `limit_mb`
    is given.
    """
    if wanted is not None and wanted < 1:
        raise UsageError(f"batch must be at least 1, got {wanted}")
    sample_mb = each_mb = 0.0  # for a sample of what is held whole, for a segment of all others
    for spec in parts:
        rate = spec.sample_rate_hz or sample_rate_hz
        grid = spec.plan(rate)
        if grid is None:
            sample_mb += rate / sample_rate_hz * groups * spec.bytes_per_sample / 1e6
        else:
            each_mb += grid.length * spec.bytes_per_sample / 1e6
    limit = available_mb if limit_mb is None else limit_mb
    now_mb = held_mb + (each_mb if sample_mb else 0.0)
    free_mb = None if limit is None else limit - now_mb
    if sample_mb:
        if free_mb is None:
            return Share(1)
        most = max(0, int(free_mb / sample_mb))
        if length is not None and length > most:
            raise MemoryLimitError(
                f"{name} needs about {length * sample_mb + now_mb:.0f} MB for this recording, "
                f"the limit is {limit} MB: {_WHOLE_ADVICE}"
            )
        mb = each_mb + (most if length is None else length) * sample_mb
        return Share(1, most, limit, mb=mb)
    batch = wanted
    if batch is None:
        batch = workers if device == "cpu" else ACCELERATOR_BATCH
        batch = min(batch, max(1, int(MOST_MB / each_mb)))
    if free_mb is None or not each_mb:
        return Share(batch, mb=batch * each_mb)
    if limit_mb is not None and each_mb > free_mb:
        raise MemoryLimitError(
            f"{name} needs about {each_mb + now_mb:.0f} MB whatever the recording's length, "
            f"the limit is {limit_mb} MB: {_RAISE}"
        )
    batch = max(1, min(batch, int(free_mb / each_mb)))
    return Share(batch, mb=batch * each_mb, fits=each_mb <= free_mb)


def too_long(spec: Spec, share: Share) -> MemoryLimitError:
    """The error for a recording whose length shows only when it is decoded."""
    return MemoryLimitError(
        f"{spec.name} needs more than {share.limit_mb} MB for this recording, which is the limit: "
        f"{_WHOLE_ADVICE}"
    )


_RAISE = "raise the memory limit (--max-memory, max_memory_mb)"
_WHOLE_ADVICE = f"{_RAISE}, or take a shorter recording or a separator that works in segments"
