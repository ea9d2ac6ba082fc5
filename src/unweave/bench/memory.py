"""The most memory that a stretch of work has held, where the system lets one ask.

Linux keeps a high-water mark for each process and lets it be set back; elsewhere the mark is that
of the whole process so far.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_RESET_PEAK = "5"  # man 5 proc, /proc/pid/clear_refs


def forget_peak() -> None:
    """Set the mark back to what is held now."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK)


def peak_mb() -> float | None:
    """The mark, in 10^6 bytes; None on systems that do not say."""
    try:
        with open("/proc/self/status", encoding="utf-8") as file:
            fields = dict(line.split(":", 1) for line in file)
        return int(fields["VmHWM"].split()[0]) * 1024 / 1e6
    except (OSError, KeyError):
        from unweave.engine.resources import peak_memory_mb

        return peak_memory_mb()
