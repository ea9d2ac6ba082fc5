"""A cluster of Ray: one that runs already, or one of this machine alone, for as long as a block.

Whoever reaches a port of Ray can have it run any code. A cluster that is started here listens on
127.0.0.1 only, has no dashboard, and reports nothing to anybody.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from unweave.core.files import shown
from unweave.errors import UnweaveError, UsageError

LOCAL, AUTO = "local", "auto"
TRIES = 3  # to start a cluster: on a busy machine Ray's own patience of half a minute may end
STORE_BYTES = 80 * 2**20  # Ray's own; sound never goes through it
LOOPBACK = {  # before Ray is imported, and for all that it starts
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray then has 127.0.0.1 for the address of the machine, and its servers listen there only.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # An actor that asks for no card sees none.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """What there is to work with."""

    cpus: int
    gpus: int
    machines: int


def _signals() -> Callable[[], None]:
    """A function that gives signals the handlers back that they have now: Ray sets its own."""
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return restore


@contextmanager
def _words_to_stderr() -> Iterator[None]:
    """What Ray says of machines that it loses goes to stdout, into the middle of a JSON document.

    No setting of Ray's changes that.
    """
    from ray._private import worker

    real = worker.print_to_stdstream

    def said(data: dict[str, Any], *words: Any, **named: Any) -> None:
        real({**data, "is_err": True}, *words, **named)

    worker.print_to_stdstream = said
    try:
        yield
    finally:
        worker.print_to_stdstream = real


@contextmanager
def cluster(address: str = AUTO, cpus: int | None = None) -> Iterator[Cluster]:
    """Ray at `address`: HOST:PORT, "local" for one of this machine alone, which ends with the
    block, or "auto" for what the variable RAY_ADDRESS names, else as "local".

    cpus: processors of one that is started; None: all that this process may use. Raises UsageError
    where there is none at the address, UnweaveError where none can be started.
    """
    at = os.environ.get("RAY_ADDRESS", LOCAL) if address == AUTO else address
    if "://" in at:
        raise UsageError(f"{shown(at)}: give HOST:PORT of the cluster's head, without a protocol")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if at == LOCAL:
        os.environ.update(LOOPBACK)
    import logging

    import ray

    from unweave.engine.limits import cores

    restore = _signals()
    how: dict[str, Any] = {"address": at, "log_to_driver": False, "logging_level": logging.ERROR}
    if at == LOCAL:
        how |= {
            "include_dashboard": False,
            "num_cpus": cpus or cores(),
            "object_store_memory": STORE_BYTES,
        }
    try:
        for tries_left in reversed(range(TRIES if at == LOCAL else 1)):
            try:
                ray.init(**how)
                break
            except Exception as error:  # Ray raises those of every kind
                why = " ".join(str(error).split())[:300]
                if at != LOCAL:
                    line = f"{shown(at)}: no cluster of Ray answers there ({shown(why)})"
                    raise UsageError(line) from error
                if not tries_left:
                    raise UnweaveError(f"Ray does not start here: {shown(why)}") from error
    finally:
        restore()
    try:
        found = ray.cluster_resources()
        machines = sum(node["Alive"] for node in ray.nodes())
        with _words_to_stderr():
            yield Cluster(int(found.get("CPU", 0)), int(found.get("GPU", 0)), machines)
    finally:
        ray.shutdown()
