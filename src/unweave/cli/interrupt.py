"""What Ctrl-C, SIGTERM and SIGHUP do to a command.

The first one ends it: a verb that polls is asked to stop, any other is interrupted where it is.
One that has not ended after a moment, as inside a long computation, is ended from a thread. So is
any at a second signal. Either way nothing half-written and no child process stays, and the exit
code is 130. A signal that is ignored when the program starts stays ignored, as `nohup` means it.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from unweave.core.ending import SIGNALS, end_now, leave_to_parent

INTERRUPTED = 130
PATIENCE_S = 5.0  # for what has been asked to stop
LAST_WORDS_S = 5.0  # for a reader of them that is slow, or that does not read


@dataclass(slots=True)
class _Now:
    """What the command is doing when a signal comes. There is one of it, as of signal handlers."""

    at_work: bool = False
    polls: bool = False
    patience_s: float = PATIENCE_S
    asked: bool = False
    say: Callable[[], None] = lambda: None  # a message to the user, for an end from the thread


_now = _Now()


def install(say: Callable[[], None]) -> None:
    """From now on signals end this process; called once, on the main thread, by the command."""
    _now.say = say
    taken = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in taken:
        signal.signal(number, _asked)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    # Told at once, also while the main thread is inside a library that does not look at signals.
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    if hasattr(os, "register_at_fork"):  # torch's loaders fork
        os.register_at_fork(after_in_child=leave_to_parent)
    threading.Thread(target=_watch, args=(reading, frozenset(taken)), daemon=True).start()


def asked() -> bool:
    """Whether the command has been asked to stop."""
    return _now.asked


@contextmanager
def at_work(polls: bool, patience_s: float, say: Callable[[], None]) -> Iterator[None]:
    """While a verb's body runs. polls: it looks at `asked` often enough to stop by itself."""
    before = _now.at_work, _now.polls, _now.patience_s, _now.say
    hooks = sys.excepthook, sys.unraisablehook
    _now.at_work, _now.polls, _now.patience_s, _now.say = True, polls, patience_s, say
    sys.excepthook, sys.unraisablehook = (
        _ends_at_interrupts(hooks[0]),
        _ends_at_interrupts(hooks[1]),
    )
    try:
        yield
    finally:
        _now.at_work, _now.polls, _now.patience_s, _now.say = before
        sys.excepthook, sys.unraisablehook = hooks


def _asked(*_: object) -> None:
    _now.asked = True
    if not _now.at_work:  # nothing is begun, or all is done
        _end()
    if not _now.polls:
        raise KeyboardInterrupt


def _ends_at_interrupts(hook: Callable[..., Any]) -> Callable[..., Any]:
    """A hook that ends the process at an interrupt which would only be shown and be lost.

    Code in C that is called back cannot pass it on, as FFmpeg when it seeks in a Python file.
    """

    def ends(*found: Any) -> None:
        kind = found[0] if isinstance(found[0], type) else found[0].exc_type
        if issubclass(kind, KeyboardInterrupt):
            _end()
        hook(*found)

    return ends


def _watch(pipe: int, numbers: frozenset[int]) -> None:
    """End the process at the second signal, or a moment after the first."""
    signals, deadline_s = 0, None
    while True:
        left_s = None if deadline_s is None else max(0.0, deadline_s - time.monotonic())
        if select.select([pipe], [], [], left_s)[0]:
            signals += sum(number in numbers for number in os.read(pipe, 64))
        if signals > 1 or (deadline_s is not None and time.monotonic() >= deadline_s):
            _end()
        if signals and deadline_s is None:
            deadline_s = time.monotonic() + _now.patience_s


def _end() -> None:
    words = threading.Thread(target=_now.say, daemon=True)
    words.start()
    words.join(LAST_WORDS_S)
    end_now(INTERRUPTED)
