"""What the separations of one process share: loaded separators, processors, memory.

A program has one `Executor`: the command line makes one, a service keeps one. Whoever separates
without one of their own shares `shared()`. Any number of threads may separate with it at a time;
each gets the stems that it would get alone.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition, Event, Lock

from unweave.engine import resources
from unweave.engine.adapters.passes import Passes
from unweave.engine.compose import AnySeparator, leaves
from unweave.engine.limits import available_mb, cores, current_memory_mb, enough_memory
from unweave.engine.loading import complete, together_mb, weights_mb
from unweave.engine.resources import Share
from unweave.engine.workers import Workers
from unweave.errors import Cancelled, MemoryLimitError, UsageError
from unweave.request import Execution, SeparatorRef
from unweave.types import ShouldStop

Load = Callable[[], AnySeparator]
Key = tuple[str, tuple[str, ...]]  # a separator's identity, the stems that it is for


@dataclass(slots=True)
class _Loaded:
    lock: Lock = field(default_factory=Lock)
    on: dict[str, AnySeparator] = field(default_factory=dict)  # a copy for each device
    users: int = 0


class Executor:
    """Separations at work in one process.

    threads: segments in parallel on the CPU, all separations together; None: one for each
    processor that the process may use. max_memory_mb: what the whole process may take; None: what
    the system and its control groups give. keep_models: separators that stay loaded while no job
    uses them. Raises UsageError for numbers that make no sense.
    """

    def __init__(
        self, *, threads: int | None = None, max_memory_mb: int | None = None, keep_models: int = 0
    ) -> None:
        for name, value, least in (
            ("threads", threads, 1),
            ("max_memory_mb", max_memory_mb, 1),
            ("keep_models", keep_models, 0),
        ):
            if value is not None and (type(value) is not int or value < least):
                raise UsageError(f"{name} must be a whole number, at least {least}; got {value!r}")
        self.workers = Workers(cores() if threads is None else threads)
        self.max_memory_mb = max_memory_mb
        self.keep_models = keep_models
        self.stopped = Event()
        self._lock = Lock()
        self._loaded: OrderedDict[Key, _Loaded] = OrderedDict()
        self._moving = Lock()
        self._memory = Condition()
        self.promised_mb: list[float] = []  # of each separation at work
        self._idle_mb = 0.0  # what the process held before the first of them

    def stop(self) -> None:
        """Have every separation that is at work raise Cancelled, and every later one."""
        self.stopped.set()
        with self._memory:
            self._memory.notify_all()

    def check(self, name: str, should_stop: ShouldStop | None) -> None:
        """Raise Cancelled, with `name`, where this executor or `should_stop` says to stop."""
        if self.stopped.is_set() or (should_stop is not None and should_stop()):
            raise Cancelled(f"{name}: stopped")

    @contextmanager
    def loaded(
        self,
        reference: SeparatorRef,
        load: Load,
        execution: Execution,
        stems: tuple[str, ...] = (),
    ) -> Iterator[AnySeparator]:
        """The separator on its device, one copy of it however many use it.

        load: gives it, if it is not here; weights that it lacks are read, for `stems` alone where
        some are named. Where its members do not fit into memory together, they wait in `Passes` to
        be loaded in turn, and are not kept. What exists only in memory is used as it is.
        """
        # `auto` cannot be wrong, and to choose takes torch, which a load imports while it reads.
        given = execution.device
        device = None if given == "auto" else resources.choose_device(given)
        identity = reference.identity()
        if identity is None:
            separator = load()
            with self._moving:  # it may be the one that another thread has
                moved = separator.to(device or resources.choose_device(given))
            yield moved
            return
        key = identity, stems
        with self._lock:
            entry = self._loaded.setdefault(key, _Loaded())
            self._loaded.move_to_end(key)
            entry.users += 1
        try:
            with entry.lock:
                made = None if entry.on else self._made(load, stems, execution)
                device = device or resources.choose_device(given)
                if device not in entry.on:
                    made = made or self._made(load, stems, execution)
                    if not isinstance(made, Passes):
                        entry.on[device] = made.to(device)
                ready = entry.on.get(device) or made
                assert ready is not None
            yield ready
        finally:
            with self._lock:
                entry.users -= 1
                self._forget()

    def _made(self, load: Load, stems: tuple[str, ...], execution: Execution) -> AnySeparator:
        """What `load` gives, with its weights, or in passes where there is no room for all."""
        with enough_memory():
            made = load()
            if len(leaves(made)) > 1:
                limit = min(self._limits(execution), default=available_mb())
                held_mb = max(current_memory_mb(), self._idle_mb + sum(self.promised_mb))
                if limit is not None and together_mb(made, stems) > limit - held_mb:
                    return Passes(made)
            return complete(made, stems)

    def _limits(self, execution: Execution) -> list[int]:
        return [mb for mb in (execution.max_memory_mb, self.max_memory_mb) if mb is not None]

    def _forget(self) -> None:
        """Drop unused separators beyond `keep_models`, the least recently used first."""
        unused = [key for key, entry in self._loaded.items() if not entry.users]
        failed = [key for key in unused if not self._loaded[key].on]
        kept = [key for key in unused if key not in failed]
        for key in [*failed, *kept[: max(0, len(kept) - self.keep_models)]]:
            del self._loaded[key]

    @contextmanager
    def share(
        self,
        separator: AnySeparator,
        execution: Execution,
        *,
        groups: int,
        length: int | None,
        sample_rate_hz: int,
        should_stop: ShouldStop | None = None,
    ) -> Iterator[Share]:
        """How much at once, of what the separations at work leave.

        Waits for one of them to end where memory does not allow a segment more. groups, length,
        sample_rate_hz: as `resources.choose_share` takes them. Raises MemoryLimitError where it
        would not fit if it were alone, Cancelled.
        """
        spec, parts = separator.spec, [leaf.spec for leaf in leaves(separator)]
        limits, to_load_mb = self._limits(execution), sum(map(weights_mb, leaves(separator)))
        with self._memory:
            while True:
                self.check(separator.spec.name, should_stop)
                alone = not self.promised_mb
                if alone:
                    self._idle_mb = current_memory_mb()
                held_mb = max(current_memory_mb(), self._idle_mb + sum(self.promised_mb))
                try:
                    share = resources.choose_share(
                        spec.name,
                        parts,
                        resources.choose_device(execution.device),
                        wanted=execution.batch,
                        groups=groups,
                        length=length,
                        sample_rate_hz=sample_rate_hz,
                        limit_mb=min(limits, default=None),
                        available_mb=available_mb(),
                        held_mb=held_mb + to_load_mb,
                        workers=self.workers.count,
                    )
                except MemoryLimitError:
                    if alone:
                        raise
                    share = None
                if share is not None and (alone or share.fits):
                    break
                self._memory.wait(timeout=1.0)
            self.promised_mb.append(share.mb)
        try:
            yield share
        finally:
            with self._memory:
                self.promised_mb.remove(share.mb)
                self._memory.notify_all()


_shared: Executor | None = None
_lock = Lock()


def shared() -> Executor:
    """The executor of whoever has none of their own."""
    global _shared
    with _lock:
        if _shared is None:
            _shared = Executor()
        return _shared


def _after_fork() -> None:
    global _shared, _lock
    _shared, _lock = None, Lock()  # its threads, and what they were at, are the parent's


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
