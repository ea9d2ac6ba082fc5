"""Connections that end where their client keeps them waiting, and not too many of one address.

uvicorn itself waits for ever for the rest of a request, and for a client that takes no answer.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0  # for the head of a request, from its first byte on
BODY_S = 60.0  # for the next bytes of a body
TAKE_S = 120.0  # for a part of an answer to be taken
MOST_OF_ONE = 400  # connections of one address


class Connection(H11Protocol):
    """A connection of uvicorn that does not wait for ever."""

    _expected = ""  # what the client has begun to send
    _sending: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        here = [each for each in self.connections if _address(each) == _address(self)]
        if len(here) > MOST_OF_ONE:
            transport.abort()
        else:
            self._expect("head")

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        their, our = self.conn.their_state, self.conn.our_state
        if their is h11.SEND_BODY and our is not h11.DONE:
            self._expect("body")  # each piece has its own time
        elif their in (h11.IDLE, h11.SEND_BODY):  # all of it has one time
            if self._expected != "head":
                self._expect("head")
        else:
            self._expect("")

    def pause_writing(self) -> None:
        super().pause_writing()
        self._taking = self.loop.call_later(TAKE_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        _stop(self._taking)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        _stop(self._sending)
        _stop(self._taking)

    def _expect(self, what: str) -> None:
        """Wait for the head of a request, for more of its body, or for nothing."""
        _stop(self._sending)
        self._expected = what
        if what:
            self._sending = self.loop.call_later(HEAD_S if what == "head" else BODY_S, self._late)

    def _late(self) -> None:
        if self.flow.read_paused:  # it is the service that does not read
            self._expect(self._expected)
        else:
            self.transport.abort()


def _address(connection: object) -> str | None:
    client = getattr(connection, "client", None)
    return client[0] if client else None


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
