"""Work for Ray's actors: each has a few tasks at a time, and none is lost when an actor dies.

Tasks that an actor had when it died are tried again, each alone on an actor: one of them may be
what killed it. A task whose second actor dies is put aside. A machine that vanishes says nothing
about the tasks that were on it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from unweave.errors import UnweaveError
from unweave.types import ShouldStop

T = TypeVar("T")
LOOK_S = 0.5  # at what has happened, where nothing ends
PATIENCE_S = 10.0  # for tasks that are told to stop
MOST_DEATHS = 2
MOST_BARREN = 6  # deaths one after the other without a task that ends


class WorkersError(UnweaveError):
    """The workers end before they have done anything."""


@dataclass(frozen=True, slots=True)
class Ended(Generic[T]):
    """A task that has an end: its `result`, or `died`, why its workers ended. tries: actors that
    it was on."""

    task: T
    result: Any = None
    died: str = ""
    tries: int = 1


@dataclass(slots=True)
class _Given(Generic[T]):
    task: T
    deaths: int = 0
    tries: int = 0


@dataclass(slots=True)
class _Actor(Generic[T]):
    handle: Any
    starting: Any  # the call that ends when it has started; None when it has
    node: str = ""
    calls: dict[Any, _Given[T]] = field(default_factory=dict)
    alone: bool = False


def results(
    todo: Iterator[T],
    make: Callable[[], Any],
    *,
    actors: int,
    each: int,
    should_stop: ShouldStop = lambda: False,
) -> Iterator[Ended[T] | None]:
    """What becomes of the tasks, as they end; None now and then where none does.

    make: starts an actor with the methods of `actor.Actor`. each: tasks that an actor has at a
    time; no more of `todo` is taken than that. Ends early where `should_stop` says so, when the
    tasks at work have ended or been stopped. Raises what a task raises, WorkersError.
    """
    import ray

    pool: list[_Actor[T]] = []
    suspects: deque[_Given[T]] = deque()
    barren, exhausted, stopped_s = 0, False, None

    def start() -> _Actor[T]:
        handle = make()
        return _Actor(handle, handle.node.remote())

    def feed() -> None:
        nonlocal exhausted
        for actor in pool:
            if actor.starting is not None or actor.alone:
                continue
            if suspects and not actor.calls:
                actor.alone = True
                _hand(actor, suspects.popleft())
                continue
            while len(actor.calls) < each and not exhausted:
                task = next(todo, None)
                if task is None:
                    exhausted = True
                else:
                    _hand(actor, _Given(task))

    try:
        pool += [start() for _ in range(actors)]
        while True:
            if stopped_s is None and should_stop():
                stopped_s = time.monotonic()
                for actor in pool:
                    actor.handle.stop.remote()
            if stopped_s is None:
                feed()
            busy = any(actor.calls for actor in pool)
            if not busy and (stopped_s is not None or (exhausted and not suspects)):
                return
            if stopped_s is not None and time.monotonic() - stopped_s > PATIENCE_S:
                return
            waited = [a.starting for a in pool if a.starting] + [r for a in pool for r in a.calls]
            ready, _ = ray.wait(waited, num_returns=1, timeout=LOOK_S)
            if not ready:
                yield None
            for call in ready:
                actor = next(a for a in pool if call == a.starting or call in a.calls)
                given = actor.calls.pop(call, None)
                try:
                    value = ray.get(call)
                except ray.exceptions.RayActorError as error:
                    barren += 1
                    pool.remove(actor)
                    ray.kill(actor.handle)  # it may only be out of reach
                    lost = [*([given] if given else []), *actor.calls.values()]
                    if barren >= MOST_BARREN:
                        raise WorkersError(_why(error)) from error
                    vanished = bool(actor.node) and not _is_alive(actor.node)
                    for one in lost:
                        one.deaths += not vanished
                        if one.deaths >= MOST_DEATHS:
                            yield Ended(one.task, died=_why(error), tries=one.tries)
                            barren = 0
                        else:
                            suspects.append(one)
                    if stopped_s is None:
                        pool.append(start())
                except ray.exceptions.RayTaskError as error:
                    cause = getattr(error, "cause", None)
                    if stopped_s is None:
                        raise (cause or error) from None
                else:
                    if given is None:
                        actor.starting, actor.node = None, value
                    else:
                        barren, actor.alone = 0, False
                        yield Ended(given.task, value, tries=given.tries)
    finally:
        ends = [actor.handle.end.remote() for actor in pool if actor.starting is None]
        if ends:
            ray.wait(ends, num_returns=len(ends), timeout=PATIENCE_S)
        for actor in pool:
            ray.kill(actor.handle)


def _hand(actor: _Actor[T], given: _Given[T]) -> None:
    given.tries += 1
    actor.calls[actor.handle.do.remote(given.task)] = given


def _is_alive(node: str) -> bool:
    import ray

    return any(each["NodeID"] == node and each["Alive"] for each in ray.nodes())


def _why(error: Exception) -> str:
    words = str(error)
    memory = "OOM" in words or "memory" in words.lower()
    how = "the system ended it, as it does when memory runs out" if memory else "it was killed"
    return f"its worker process ended in the middle ({how}, or a fault in a library)"
