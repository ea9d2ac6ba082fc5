"""What a job has made: its files, in parts too, stems in other formats, all in one ZIP."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Header, Request
from starlette.responses import FileResponse, Response, StreamingResponse

from unweave.server import media, queue, views
from unweave.server.queue import Row
from unweave.server.refusals import Refused
from unweave.server.routes import Client, TheService, may_fail, slowly
from unweave.server.service import Service
from unweave.server.zipping import zipped

router = APIRouter(tags=["files"])
FORMATS = ("wav", "flac", "mp3")
CONVERT_S = 3600.0
MOST_RANGES = 8


def _binary(*types: str) -> dict[str, Any]:
    """Of a route: it answers with a file of one of these media types, or with a part of it."""
    content: dict[str, Any] = {type: {} for type in types}
    return {
        "response_class": FileResponse,
        "responses": {
            200: {"content": content},
            206: {"content": content, "description": "The part that Range names."},
            304: {"description": "The file that If-None-Match names."},
            **may_fail(404, 409, 410, 416),
        },
    }


Match = Annotated[str | None, Header(alias="If-None-Match", max_length=1000)]
Range = Annotated[str | None, Header(alias="Range", max_length=1000)]


@router.get("/jobs/{id}/files/{name}", **_binary(*views.TYPES))
def file(
    service: TheService,
    client: Client,
    id: str,
    name: str,
    if_none_match: Match = None,
    range: Range = None,
) -> Response:
    """A file of the result. Its ETag is its SHA-256."""
    job = _done(service, client, id)
    found = next((each for each in json.loads(job["files"]) if each["name"] == name), None)
    if found is None:
        raise Refused(404, "no_such_file", "the job has no such file")
    path = service.settings.job(id) / "out" / found["path"]
    return _sent(path, _title(job, name), found["sha256"], if_none_match, range)


@router.get("/jobs/{id}/report", **_binary("application/json"))
def report(service: TheService, client: Client, id: str) -> Response:
    """What was separated, with what, into what: the report of the command line."""
    job = _done(service, client, id)
    for each in json.loads(job["files"]):
        if each["path"].endswith(".json") and each["stem"] is None:
            path = service.settings.job(id) / "out" / each["path"]
            return _sent(path, each["name"], each["sha256"], None, None)
    raise Refused(404, "no_report", "the job has no report")


@router.get("/jobs/{id}/archive.zip", **_binary("application/zip"))
def archive(service: TheService, client: Client, id: str) -> Response:
    """All files of the result in one ZIP, made while it is sent."""
    job = _done(service, client, id)
    folder = service.settings.job(id) / "out"
    files = [(each["name"], folder / each["path"]) for each in json.loads(job["files"])]
    title = Path(json.loads(job["source"])["name"] or job["kind"]).stem
    headers = {"Content-Disposition": _disposition(f"{title}.zip")}
    return StreamingResponse(zipped(files), media_type="application/zip", headers=headers)


@router.get("/jobs/{id}/song.stem.mp4", **_binary("video/mp4"))
async def stem_file(
    request: Request,
    id: str,
    if_none_match: Match = None,
    range: Range = None,
) -> Response:
    """All stems in one stem file of Native Instruments; made once, and kept with the job."""
    return await slowly(request, _stem_file, id, if_none_match, range)


def _stem_file(
    service: Service, client: str, id: str, match: str | None, part: str | None
) -> Response:
    job = _done(service, client, id)
    folder = service.settings.job(id)
    stems = [each for each in json.loads(job["files"]) if each["stem"] is not None]
    if not stems:
        raise Refused(404, "no_stems", "the job has no stems")
    target = folder / "made" / "song.stem.mp4"
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        paths = {each["stem"]: str(folder / "out" / each["path"]) for each in stems}
        service.converting.ask(media.stem_file, paths, str(target), timeout_s=CONVERT_S)
    song = Path(json.loads(job["source"])["name"] or "song").stem.removesuffix(".stem")
    digest = hashlib.sha256("".join(each["sha256"] for each in stems).encode()).hexdigest()
    return _sent(target, f"{song}.stem.mp4", f"{digest}-stem", match, part)


def _stem(
    service: Service,
    client: str,
    id: str,
    stem: str,
    format: str,
    match: str | None,
    part: str | None,
) -> Response:
    job = _done(service, client, id)
    found = next((each for each in json.loads(job["files"]) if each["stem"] == stem), None)
    if found is None:
        raise Refused(404, "no_such_stem", "the job has no such stem")
    path = service.settings.job(id) / "out" / found["path"]
    digest = found["sha256"]
    if path.suffix != f".{format}":
        target = service.settings.job(id) / "made" / f"{path.stem}.{format}"
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            arguments = str(path), str(target), format
            service.converting.ask(media.convert, *arguments, timeout_s=CONVERT_S)
        path, digest = target, f"{digest}-{format}"
    return _sent(path, _title(job, f"{stem}.{format}"), digest, match, part)


def _done(service: Service, client: str, id: str) -> Row:
    job = queue.find(service.database, client, id)
    if job["state"] != "done":
        raise Refused(409, "not_done", f"the job is {job['state']}; its files are there when done")
    return job


def _sent(path: Path, name: str, digest: str, match: str | None, part: str | None) -> Response:
    tag = f'"{digest}"'
    headers = {
        "ETag": tag,
        "Cache-Control": "private, no-cache",
        "Content-Disposition": _disposition(name),
    }
    if match is not None and (tag in match or match.strip() == "*"):
        return Response(status_code=304, headers=headers)
    if part is not None and part.count(",") >= MOST_RANGES:
        raise Refused(416, "too_many_ranges", f"at most {MOST_RANGES} parts of a file at once")
    if not path.is_file():
        raise Refused(410, "file_gone", "the file is gone; do the job again")
    return FileResponse(path, media_type=views.media_type(path.name), headers=headers)


def _title(job: Row, name: str) -> str:
    """What to call a file where it is saved."""
    song = json.loads(job["source"])["name"]
    return f"{Path(song).stem} - {name}" if song else name


def _disposition(name: str) -> str:
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " ._-") else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _of_format(format: str) -> None:
    types = _binary(views.media_type(f".{format}"))

    @router.get(f"/jobs/{{id}}/stems/{{stem}}.{format}", name=f"stem_{format}", **types)
    async def stem_in_format(
        request: Request,
        id: str,
        stem: str,
        if_none_match: Match = None,
        range: Range = None,
    ) -> Response:
        return await slowly(request, _stem, id, stem, format, if_none_match, range)

    stem_in_format.__doc__ = f"A stem as {format.upper()}; made once, and kept with the job."


for _format in FORMATS:
    _of_format(_format)
