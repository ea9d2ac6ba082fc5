"""The HTTP interface, a module for each of its parts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request

from unweave.server.refusals import Refused
from unweave.server.schemas import Failure
from unweave.server.service import Service


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


def may_fail(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the description: how a request can be refused."""
    return {status: {"model": Failure} for status in (401, 422, 429, *statuses)}
