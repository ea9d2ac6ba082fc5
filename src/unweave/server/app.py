"""The HTTP interface as an ASGI application."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from unweave.server import queue, retention, room
from unweave.server.guard import Guard
from unweave.server.refusals import Refused
from unweave.server.routes import about, files, jobs, page, sound, uploads
from unweave.server.service import Service
from unweave.server.views import PREFIX

ROOM_S = 1.0  # between two looks at the room on the disk
DESCRIPTION = """Separate recordings into stems. Send a file (`/uploads`), ask for a job (`/jobs`),
follow it (`/jobs/ID/events`), take its files."""


def create_app(service: Service, on_tick: Callable[[], None] = lambda: None) -> FastAPI:
    """The application of a service. on_tick: is called a few times a second."""
    from unweave import __version__

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(service.changes.watch()),
            asyncio.create_task(_tidied(service)),
            asyncio.create_task(_room_told(service)),
            asyncio.create_task(_ticked(on_tick)),
        ]
        try:
            yield
        finally:
            service.changes.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await run_in_threadpool(service.close)

    app = FastAPI(
        title="unweave",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
        lifespan=life,
    )
    app.state.service = service
    app.add_middleware(
        Guard, settings=service.settings, tokens=service.tokens, counts=service.counts
    )
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(sqlite3.OperationalError, _database)
    app.add_exception_handler(OSError, _disk)
    for module in (about, uploads, jobs, files, sound):
        app.include_router(module.router, prefix=PREFIX)
    app.include_router(page.router)
    return app


async def _tidied(service: Service) -> None:
    while True:
        with suppress(sqlite3.OperationalError, OSError):  # the next time does it
            await run_in_threadpool(retention.tidy, service)
        await asyncio.sleep(retention.EVERY_S)


async def _room_told(service: Service) -> None:
    """Tell those who wait when the disk is full, and when it is not any more."""
    told = False
    while True:
        with suppress(sqlite3.OperationalError, OSError):  # the next time does it
            if room.lacks(service.settings.data) != told:
                await run_in_threadpool(queue.tell_waiting, service.database)
                told = not told
        await asyncio.sleep(ROOM_S)


async def _ticked(on_tick: Callable[[], None]) -> None:
    while True:
        on_tick()
        await asyncio.sleep(0.1)


def _answer(refused: Refused) -> JSONResponse:
    return JSONResponse(refused.document(), refused.status, refused.headers)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)
    return _answer(error)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """The first thing that is wrong with what came in."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or None
    return _answer(Refused(422, "invalid", f"{field or 'the request'}: {first['msg']}", field))


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    words = {404: "not_found", 405: "wrong_method", 400: "bad_request"}
    code = words.get(error.status_code, "refused")
    return _answer(
        Refused(error.status_code, code, str(error.detail), None, dict(error.headers or {}))
    )


async def _database(_: Request, error: Exception) -> JSONResponse:
    """The database is locked by a stranger, or its disk is full."""
    print(f"the database: {error}", file=sys.stderr)
    full = "full" in str(error)
    words = "the disk of the service is full" if full else "the service is busy; try again"
    code = "disk_full" if full else "busy"
    return _answer(Refused(507 if full else 503, code, words, None, {"Retry-After": "2"}))


async def _disk(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OSError)
    print(f"a file: {error}", file=sys.stderr)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _answer(Refused(507, "disk_full", "the disk of the service is full"))
    return _answer(Refused(500, "disk_error", "a file of the service cannot be read or written"))
