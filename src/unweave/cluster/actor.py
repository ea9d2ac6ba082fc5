"""The process that does the work: one executor, and the separator that it has loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unweave.core import atomic
from unweave.engine import allocator
from unweave.engine.executor import Executor

Make = Callable[[Executor], Callable[[Any], Any]]
"""Gives an actor its work; goes to it as a pickle."""


class Actor:
    """What Ray runs in a process of its own. threads: for segments in parallel."""

    def __init__(self, make: Make, threads: int) -> None:
        allocator.settle()
        import torch

        torch.set_num_threads(threads)
        self._executor = Executor(threads=threads, keep_models=1)
        self._work = make(self._executor)

    def node(self) -> str:
        """The machine that it is on, as Ray calls it; says that it has started."""
        import ray

        return str(ray.get_runtime_context().get_node_id())

    def do(self, task: Any) -> Any:
        """What becomes of a task."""
        return self._work(task)

    def stop(self) -> None:
        """Have all that is at work end."""
        self._executor.stop()

    def end(self) -> None:
        """Remove what is unfinished: nothing more will be asked of it."""
        atomic.abandon()


def starter(make: Make, *, cpus: int, gpus: float, each: int) -> Callable[[], Any]:
    """A function that starts an actor on any machine that has so many processors and cards free.

    each: tasks at a time; there is a thread more, for `stop`.
    """
    import ray

    kind = ray.remote(Actor).options(
        num_cpus=cpus,
        num_gpus=gpus,
        max_concurrency=each + 1,
        max_restarts=0,
        runtime_env={"env_vars": allocator.of_children()},  # Ray's own threads come first
    )
    return lambda: kind.remote(make, cpus)
