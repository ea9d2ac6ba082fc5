"""Child processes for short tasks: looking at files of strangers, asking the registry.

A task is a function of a module and its arguments. A child that dies, takes too long or too much
memory costs its task alone; the next one starts anew. Children have no more rights than the service
has.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from unweave.core.children import Children, Parent
from unweave.errors import OptionName, UnweaveError, UsageError
from unweave.server.refusals import Refused

LONG_S = 300.0  # for a task that takes seconds, on a machine that has much else to do


class Helpers:
    """At most `count` children, each for one task at a time. memory_mb: of each, where the system
    can limit it."""

    def __init__(self, count: int, memory_mb: int | None = None) -> None:
        self._memory_mb = memory_mb
        self._free = threading.BoundedSemaphore(count)
        self._idle: list[Children] = []
        self._busy: list[Children] = []
        self._ended = False

    def ask(self, function: Callable[..., Any], *arguments: Any, timeout_s: float = LONG_S) -> Any:
        """What the function returns. Raises Refused, with the line that it raised."""
        with self._free, self._child() as children:
            children.hand((function, arguments))
            done, answer = _answer(children, timeout_s)
        if not done:
            raise Refused(*answer)
        return answer

    def warm(self) -> None:
        """Have one child ready."""
        self.ask(_nothing)

    def end(self) -> None:
        """End all children; those that wait for one learn that it is gone."""
        self._ended = True
        for children in list(self._busy):
            for child in children.busy:
                child.process.kill()
        while self._idle:
            self._idle.pop().end()

    @contextmanager
    def _child(self) -> Iterator[Children]:
        if self._ended:
            raise Refused(503, "stopping", "the service is being stopped")
        try:
            children = self._idle.pop()
        except IndexError:
            children = Children(main, self._memory_mb)
        self._busy.append(children)
        try:
            yield children
        finally:
            self._busy.remove(children)
        self._idle.append(children)  # where that raised, its child is no more


def _answer(children: Children, timeout_s: float) -> tuple[bool, Any]:
    """What the one busy child says. Raises Refused where it dies, or takes too long."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for child, message in children.listen():
            if message is None:
                words = "reading it took too much memory, or went wrong"
                raise Refused(422, "unreadable", words)
            child.job = None
            answer: tuple[bool, Any] = message
            return answer
    children.end()
    raise Refused(422, "unreadable", f"reading it took more than {timeout_s:g} s")


def main(pipe: Any, memory_mb: int | None) -> None:
    """A child: one task after another."""
    parent = Parent(pipe)
    if memory_mb is not None:
        _limit(memory_mb)
    for function, arguments in parent.jobs():
        parent.tell(answered(function, arguments))


def answered(function: Callable[..., Any], arguments: Sequence[Any]) -> tuple[bool, Any]:
    """Whether the task went well, and what it gives, or else what to refuse with."""
    try:
        return True, function(*arguments)
    except Refused as error:
        return False, (error.status, error.code, error.message, error.field)
    except UsageError as error:
        field = next((str(word) for word in error.words if isinstance(word, OptionName)), None)
        return False, (400, "bad_option", str(error), field)
    except UnweaveError as error:
        return False, (422, code_of(error), str(error), None)
    except MemoryError:
        return False, (422, "unreadable", "reading it took too much memory", None)
    except Exception as error:
        print(f"unexpected {type(error).__name__}: {error}", file=sys.stderr)
        return False, (422, "unreadable", "it cannot be read", None)


def code_of(error: Exception) -> str:
    """The class of an error as a word: InputError is `input_error`."""
    name = getattr(error, "kind", type(error).__name__)
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def _limit(memory_mb: int) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    if sys.platform == "linux":  # where it counts what is written to, not what is mapped
        resource.setrlimit(resource.RLIMIT_DATA, (memory_mb * 10**6, memory_mb * 10**6))


def _nothing() -> None:
    import unweave.audio.reader  # noqa: F401  (what takes long to import)
