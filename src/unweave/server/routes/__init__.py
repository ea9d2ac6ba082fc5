"""The HTTP interface, a module for each of its parts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request
from starlette.requests import ClientDisconnect

from unweave.server.refusals import Refused
from unweave.server.schemas import Failure
from unweave.server.service import Service

MOST_SLOW_OF_ONE = 8  # at work at a time; a browser asks for six things at once
MOST_WAITING_OF_ONE = 100
T = TypeVar("T")


def _service(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


def _client(request: Request) -> str:
    client: str | None = request.scope["state"].get("client")
    if client is None:
        raise Refused(401, "token_needed", "give a token: Authorization: Bearer TOKEN")
    return client


TheService = Annotated[Service, Depends(_service)]
Client = Annotated[str, Depends(_client)]
"""Whose request it is."""


async def slowly(request: Request, act: Callable[..., T], *arguments: Any) -> T:
    """What `act(service, client, *arguments)` returns, in a thread of those for work that may take
    long.

    So quick answers never wait for a thread. A few requests of one client are at work at a time,
    and the others wait in turn. Raises Refused where too many wait, and ClientDisconnect where the
    client has gone before its turn.
    """
    service, client = _service(request), _client(request)
    turns = service.turns.setdefault(client, CapacityLimiter(MOST_SLOW_OF_ONE))
    if turns.statistics().tasks_waiting >= MOST_WAITING_OF_ONE:
        raise Refused(429, "too_many_at_once", "wait for an answer before you ask for more of that")
    try:
        async with turns:
            if await request.is_disconnected():
                raise ClientDisconnect
            work = partial(act, service, client, *arguments)
            return await to_thread.run_sync(work, limiter=service.slow_threads)
    finally:
        held = turns.statistics()
        if not held.borrowed_tokens and not held.tasks_waiting:
            service.turns.pop(client, None)


def may_fail(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the description: how a request can be refused."""
    return {status: {"model": Failure} for status in (401, 422, 429, *statuses)}
