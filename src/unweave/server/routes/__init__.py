"""The HTTP interface, a module for each of its parts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar

from anyio import to_thread
from fastapi import Depends, Request

from unweave.server.refusals import Refused
from unweave.server.schemas import Failure
from unweave.server.service import Service

MOST_SLOW_OF_ONE = 8  # a browser asks for six things at once
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


async def slowly(service: Service, client: str, act: Callable[..., T], *arguments: Any) -> T:
    """What `act` returns, in a thread of those for work that may take long.

    So quick answers never wait for a thread. Raises Refused where a client has too many at once.
    """
    if service.slow[client] >= MOST_SLOW_OF_ONE:
        raise Refused(429, "too_many_at_once", "wait for an answer before you ask for more of that")
    service.slow[client] += 1
    try:
        return await to_thread.run_sync(partial(act, *arguments), limiter=service.slow_threads)
    finally:
        service.slow[client] -= 1


def may_fail(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the description: how a request can be refused."""
    return {status: {"model": Failure} for status in (401, 422, 429, *statuses)}
