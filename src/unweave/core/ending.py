"""End a process before its work is done: at once, without unfinished files or children."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from unweave.core import atomic

# What asks a program to end: Ctrl-C, a service manager, a terminal that is closed.
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


def end_now(code: int) -> NoReturn:
    """End this process whatever its threads are doing: unfinished files and children go with it.

    Children of `multiprocessing` end by themselves when the pipe of their parent closes.
    """
    for number in _other_children():
        with suppress(OSError):
            os.kill(number, getattr(signal, "SIGKILL", signal.SIGTERM))
    atomic.abandon()
    os._exit(code)


def described(code: int) -> str:
    """How a worker process ended, from its exit code, in words for an error."""
    if code < 0:
        return f"the worker was killed (signal {-code}), probably out of memory"
    return f"the worker ended with exit code {code}"


def leave_to_parent() -> None:
    """For a child process: ignore signals, because a terminal sends them to the parent as well."""
    signal.set_wakeup_fd(-1)  # a fork shares the parent's
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _other_children() -> set[int]:
    """The processes that this one has started by other means, on systems with /proc."""
    found = set()
    for file in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found |= {int(number) for number in file.read_text().split()}
    if found:
        import multiprocessing

        found -= {child.pid for child in multiprocessing.active_children() if child.pid}
    return found
