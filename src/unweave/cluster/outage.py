"""A store that is away for a while: it does not answer, or says that it has too much to do.

That is nothing against the recording or the stems, so what met it is done again, after pauses that
grow. Only a store that stays away ends the work.
"""

from __future__ import annotations

import errno
import random
import time
from collections.abc import Callable
from itertools import chain, repeat
from typing import TypeVar

from unweave.errors import UnweaveError
from unweave.types import ShouldStop

T = TypeVar("T")
Pause = Callable[[float], bool]
"""Waits so many seconds; True says that nothing more is to be tried."""

LONGEST_S = 900.0  # that an object store may be away
HOST_S = 60.0  # that a host of a list of addresses may be
PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0)
LAST_PAUSE_S = 30.0  # and every later one
LOOK_S = 0.5  # at whether to stop

NUMBERS = frozenset(
    getattr(errno, name)
    for name in (
        "EAGAIN EBUSY ETIMEDOUT ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ENETUNREACH EHOSTUNREACH"
        " EREMOTEIO"
    ).split()
    if hasattr(errno, name)
)
STATUSES = (408, 425, 429)  # of HTTP, with all from 500 on
# Classes of botocore, aiohttp and Azure's package, which are not imported for their names.
CLASSES = frozenset(
    "HTTPClientError EndpointConnectionError ConnectionClosedError ClientConnectionError "
    "ClientPayloadError IncompleteRead ResponseParserError ServiceRequestError "
    "ServiceResponseError".split()
)


class StoreError(UnweaveError):
    """A store that does not answer now."""


def is_outage(error: BaseException) -> bool:
    """Whether an error says that the store is away, rather than what it has."""
    if isinstance(error, (ConnectionError, TimeoutError)):
        return True
    if isinstance(error, OSError) and error.errno in NUMBERS:
        return True
    for name in ("status", "status_code", "code"):
        status = getattr(error, name, None)
        if isinstance(status, int) and (status in STATUSES or 500 <= status < 600):
            return True
    if any(kind.__name__ in CLASSES for kind in type(error).__mro__):
        return True
    # fsspec calls a file of a host that does not answer one that is not there.
    return error.__cause__ is not None and is_outage(error.__cause__)


def sleep(seconds: float) -> bool:
    """A pause that nothing ends."""
    time.sleep(seconds)
    return False


def sleeping(should_stop: ShouldStop) -> Pause:
    """A pause that ends when `should_stop` says so."""

    def pause(seconds: float) -> bool:
        ends_s = time.monotonic() + seconds
        while not should_stop() and (left_s := ends_s - time.monotonic()) > 0:
            time.sleep(min(left_s, LOOK_S))
        return should_stop()

    return pause


def patiently(call: Callable[[], T], pause: Pause, longest_s: float = LONGEST_S) -> T:
    """What `call` gives, which is called again for as long as its store is away.

    longest_s: from the first call that failed. Raises StoreError after that, or where `pause` says
    so, and what else `call` raises.
    """
    failed_s: float | None = None
    for pause_s in chain(PAUSES_S, repeat(LAST_PAUSE_S)):
        try:
            return call()
        except StoreError:
            now_s = time.monotonic()
            failed_s = now_s if failed_s is None else failed_s
            # Workers that failed together come back one after the other.
            if now_s - failed_s > longest_s or pause(pause_s * random.uniform(0.5, 1.0)):
                raise
    raise AssertionError("repeat has no end")
