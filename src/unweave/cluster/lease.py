"""A lock in an object store: an object that only its holder renews.

Holders are numbered. Whoever wants to be the next creates the object of the next number, which the
store grants to one alone. A holder that renews nothing for `LEASE_S`, by the clock of who waits, is
taken for dead; one that died on this machine is known to be at once, by the kernel's lock on a file
of its own. A holder that wakes up late finds a higher number, and stops.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import NoReturn

from unweave.cluster import places
from unweave.cluster.outage import StoreError, sleeping
from unweave.core import atomic
from unweave.core.files import shown
from unweave.errors import Cancelled, InputError, OutputError
from unweave.types import ShouldStop

BEAT_S = 10.0
LEASE_S = 60.0


@dataclass(slots=True)
class _Holder:
    """The process that holds. number: of its object in `folder`."""

    folder: str
    number: int = 0
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    beats: int = 0
    ended: bool = False

    @property
    def address(self) -> str:
        return _address(self.folder, self.number)

    def as_bytes(self) -> bytes:
        document = {"token": self.token, "beats": self.beats, "ended": self.ended}
        return json.dumps(
            {**document, "machine": socket.gethostname(), "pid": os.getpid()}
        ).encode()

    def beat(self) -> bool:
        """Renew; False where another holds. Raises StoreError, InputError, OutputError."""
        if _last(self.folder) != self.number or _said(self.address).get("token") != self.token:
            return False
        self.beats += 1
        places.write(self.address, self.as_bytes())
        return True


@contextmanager
def held(
    folder: str, busy: Callable[[str], NoReturn], should_stop: ShouldStop = bool
) -> Iterator[ShouldStop]:
    """Hold the lock of an address; gives a function that says whether another has taken it over.

    busy: is called with the machine and the process that hold it. Raises what `busy` raises,
    Cancelled, StoreError, InputError, OutputError.
    """
    me = _Holder(folder)
    with _mark(me.token):
        _take(me, busy, should_stop)
        ends, lost = Event(), Event()
        beats = Thread(target=_beats, args=(me, ends, lost), daemon=True)
        beats.start()
        try:
            yield lost.is_set
        finally:
            ends.set()
            beats.join()
            if not lost.is_set():
                me.ended = True
                with suppress(StoreError, OutputError):  # then it ends by its age
                    places.write(me.address, me.as_bytes())


def _take(me: _Holder, busy: Callable[[str], NoReturn], should_stop: ShouldStop) -> None:
    while True:
        last = _last(me.folder)
        if last and not _is_over(_address(me.folder, last), should_stop):
            said = _said(_address(me.folder, last))
            busy(f"process {said.get('pid')} of {said.get('machine')}")
        me.number = last + 1
        if places.create(me.address, me.as_bytes()):
            break
    for name in places.names(me.folder, ".json"):
        if name < me.address.rpartition("/")[2]:
            places.remove(places.joined(me.folder, name))


def _is_over(address: str, should_stop: ShouldStop) -> bool:
    """Whether its holder has ended or is dead; waits until that is known. Raises Cancelled."""
    first, pause = _said(address), sleeping(should_stop)
    if not first or first.get("ended") or _is_dead_here(str(first.get("token"))):
        return True
    ends_s = time.monotonic() + LEASE_S
    while time.monotonic() < ends_s:
        if pause(BEAT_S / 4):
            raise Cancelled(f"{shown(address)}: stopped before it was clear who holds it")
        now = _said(address)
        if now != first:
            return bool(now.get("ended", True))
    return True


def _beats(me: _Holder, ends: Event, lost: Event) -> None:
    while not ends.wait(BEAT_S):
        # A store that is away now answers nobody else either.
        with suppress(StoreError, InputError, OutputError):
            if not me.beat():
                lost.set()
                return


def _address(folder: str, number: int) -> str:
    return places.joined(folder, f"{number:09d}.json")


def _last(folder: str) -> int:
    """The highest number; 0 for none."""
    names = places.names(folder, ".json")
    return int(names[-1].removesuffix(".json")) if names else 0


def _said(address: str) -> dict[str, object]:
    """What a holder says of itself; nothing where its object is gone, or is none."""
    if places.size(address) is None:
        return {}
    with suppress(ValueError, TypeError):
        return dict(json.loads(places.content(address)))
    return {}


def _here(token: str) -> Path:
    return Path(tempfile.gettempdir()) / f"unweave-holds-{token}"


@contextmanager
def _mark(token: str) -> Iterator[None]:
    """A file of this machine that the kernel keeps locked for as long as this process lives."""
    path = _here(token)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        atomic.lock(handle)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _is_dead_here(token: str) -> bool:
    if not re.fullmatch("[0-9a-f]{32}", token):
        return False
    try:
        handle = os.open(_here(token), os.O_RDWR)
    except OSError:  # it is, or was, on another machine
        return False
    try:
        dead = atomic.lock(handle) is True
    finally:
        os.close(handle)
    if dead:
        _here(token).unlink(missing_ok=True)
    return dead
