"""Jobs: asked for, looked at, cancelled, removed, and the events that tell of them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from unweave.server import kinds, queue, retention, room, sources, views
from unweave.server.kinds import KINDS, Kind
from unweave.server.queue import Row
from unweave.server.refusals import Refused
from unweave.server.routes import Client, TheService, may_fail, slowly
from unweave.server.routes.about import offers
from unweave.server.schemas import Job, Jobs, NewJob, State
from unweave.server.service import Service

router = APIRouter(tags=["jobs"])
MOST_LISTED = 200
LISTED = """SELECT * FROM jobs WHERE owner = :owner
  AND (:state IS NULL OR state = :state) AND (:kind IS NULL OR kind = :kind)
  AND (:at IS NULL OR created_at < :at OR (created_at = :at AND id < :id))
  ORDER BY created_at DESC, id DESC LIMIT :most"""
LONG_NUMBER = 19  # digits, that a database may not hold
STREAM = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@router.post(
    "/jobs",
    status_code=201,
    response_model=Job,
    responses={
        200: {"model": Job, "description": "The same was asked for before: that job."},
        **may_fail(400, 403, 404, 409, 413),
    },
)
async def create(
    request: Request, service: TheService, client: Client, new: NewJob, response: Response
) -> Any:
    """Ask for a job. The same kind, recording and options are the same job."""
    id, is_new = await slowly(request, _created, new)
    response.status_code = 201 if is_new else 200
    return await run_in_threadpool(_job, service, client, id)


def _created(service: Service, client: str, new: NewJob) -> tuple[str, bool]:
    """The id of the job, and whether it is a new one. Raises Refused."""
    if not offers(service, new.kind):
        words = f"there is no kind {new.kind!r:.40} here; there are {', '.join(KINDS)}"
        raise Refused(400, "no_such_kind", words, "kind")
    kind = KINDS[new.kind]
    _check_plain(new.options)
    files, options = _files(service, client, kind, new.options)
    given = new.source.model_dump(exclude_none=True) if new.source else None
    source = sources.resolve(service, client, kind, given)
    checked = service.asking.ask(kinds.check, new.kind, options, files)
    contents = {name: sources.hash_of(service, Path(path)) for name, path in files.items()}
    key = hashlib.sha256(
        json.dumps([new.kind, source.key, checked.identity, contents], sort_keys=True).encode()
    ).hexdigest()
    task = {
        "path": source.path and str(source.path),
        "recording": source.recording and str(source.recording),
        "sha256": source.sha256,
        "options": options,
        "files": files,
    }
    return queue.add(
        service.database,
        client,
        {
            "kind": new.kind,
            "lane": kind.lane,
            "key": key,
            "priority": new.priority,
            "source": json.dumps(source.said),
            "task": json.dumps(task),
            "options": json.dumps(new.options),
            "model": checked.model,
            "stems": json.dumps(checked.stems),
        },
        most_waiting=service.settings.most_waiting,
        anew=kind.anew,
    )


@router.get("/jobs", response_model=Jobs, responses=may_fail(400))
def listed(
    service: TheService,
    client: Client,
    state: State | None = None,
    kind: Annotated[str | None, Query(max_length=32)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 50,
    before: Annotated[str | None, Query(max_length=80)] = None,
) -> Any:
    """Jobs, the newest first. `next` is the `before` of the next page."""
    at, before_id = None, None
    if before is not None:
        moment, _, before_id = before.partition("_")
        try:
            at = float(moment)
        except ValueError:
            raise Refused(
                400, "bad_cursor", "before is the next of another page", "before"
            ) from None
    wanted = {"owner": client, "state": state, "kind": kind, "at": at, "id": before_id}
    rows = service.database.read(LISTED, {**wanted, "most": limit + 1})
    last = rows[limit - 1] if len(rows) > limit else None
    return {
        "jobs": [_view(service, row) for row in rows[:limit]],
        "next": f"{last['created_at']!r}_{last['id']}" if last is not None else None,
    }


@router.get("/jobs/{id}", response_model=Job, responses=may_fail(404))
def look(service: TheService, client: Client, id: str) -> Any:
    """A job as it is now."""
    return _job(service, client, id)


@router.delete("/jobs/{id}", status_code=204, response_class=Response, responses=may_fail(404))
def delete(service: TheService, client: Client, id: str) -> Response:
    """Remove a job and its files; one that runs is cancelled first."""
    retention.remove_job(service, client, id)
    return Response(status_code=204)


@router.post("/jobs/{id}/cancel", response_model=Job, responses=may_fail(404))
def cancel(service: TheService, client: Client, id: str) -> Any:
    """Cancel a job. One that has ended stays as it is."""
    queue.cancel(service.database, client, id)
    return _job(service, client, id)


@router.post("/jobs/{id}/again", response_model=Job, responses=may_fail(404))
def again(service: TheService, client: Client, id: str) -> Any:
    """Do a job again that failed or was cancelled. Any other stays as it is."""
    queue.again(service.database, client, id)
    return _job(service, client, id)


Known = Annotated[str | None, Header(alias="Last-Event-ID", max_length=1000)]
EVENTS: dict[str, Any] = {
    "response_class": StreamingResponse,
    "responses": {
        200: {"content": {"text/event-stream": {}}, "description": "Server-sent events."},
        **may_fail(404),
    },
}


@router.get("/events", **EVENTS)
async def events(service: TheService, client: Client, last_event_id: Known = None) -> Any:
    """`event: job` with a Job: each as it is now, then each change; `event: removed`."""
    return _stream(service, client, None, last_event_id)


@router.get(
    "/jobs/{id}/events",
    **{**EVENTS, "responses": {**EVENTS["responses"], 204: {"description": "It has ended."}}},
)
async def events_of(
    service: TheService, client: Client, id: str, last_event_id: Known = None
) -> Any:
    """The same of one job, until it has ended. 204 where it has, and its last event is known."""
    job = await run_in_threadpool(queue.find, service.database, client, id)
    if job["state"] in queue.ENDED and (_number(last_event_id) or 0) >= job["changed"]:
        return Response(status_code=204)  # which keeps a browser from asking again
    return _stream(service, client, id, last_event_id)


def _stream(service: Service, client: str, id: str | None, known: str | None) -> StreamingResponse:
    service.changes.check(client)
    pieces = service.changes.stream(client, id, _number(known), lambda row: _view(service, row))
    return StreamingResponse(pieces, media_type="text/event-stream", headers=STREAM)


def _number(known: str | None) -> int | None:
    """Of an event; None for what is no number of one."""
    if known and known.isascii() and known.isdecimal() and len(known) < LONG_NUMBER:
        return int(known)
    return None


def _check_plain(options: dict[str, Any]) -> None:
    """Raises Refused for what is no JSON that everyone reads: NaN, half a character."""
    try:
        json.dumps(options, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refused(400, "bad_option", "the options are no plain JSON", "options") from None


def _files(
    service: Service, client: str, kind: Kind, options: dict[str, Any]
) -> tuple[dict[str, str], dict[str, Any]]:
    """The paths of options that are files, and the other options. Lyrics may be their own text."""
    files = {
        name: sources.file_of(service, client, name, value)
        for name, value in options.items()
        if isinstance(value, dict) and set(value) in ({"upload"}, {"path"})
    }
    if "lyrics" in kind.files and isinstance(options.get("lyrics"), str):
        files["lyrics"] = sources.lyrics_of(service, options["lyrics"])
    return files, {name: value for name, value in options.items() if name not in files}


def _job(service: Service, client: str, id: str) -> dict[str, Any]:
    return _view(service, queue.find(service.database, client, id))


def _view(service: Service, row: Row) -> dict[str, Any]:
    full = room.lacks(service.settings.data)
    return views.job(row, service.places(), service.speed(row["model"]), full=full)
