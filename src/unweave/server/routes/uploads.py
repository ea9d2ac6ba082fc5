"""Uploads by tus 1.0.0: core, creation, creation-with-upload and termination (https://tus.io)."""

from __future__ import annotations

import base64
import binascii

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from unweave.server import uploads
from unweave.server.refusals import Refused
from unweave.server.routes import Client, TheService, may_fail
from unweave.server.views import PREFIX

router = APIRouter(tags=["uploads"])
TUS = {"Tus-Resumable": "1.0.0"}
BYTES = "application/offset+octet-stream"
BODY = {
    "requestBody": {"content": {BYTES: {"schema": {"type": "string", "format": "binary"}}}},
}


def _header(name: str, kind: str = "integer", needed: bool = True) -> dict[str, object]:
    schema: dict[str, object] = {"type": kind}
    return {"name": name, "in": "header", "required": needed, "schema": schema}


def _parameters(*more: dict[str, object]) -> dict[str, object]:
    version = {"type": "string", "enum": ["1.0.0"]}
    tus = {"name": "Tus-Resumable", "in": "header", "required": True, "schema": version}
    return {"parameters": [tus, *more]}


@router.options("/uploads", status_code=204, include_in_schema=False)
def offers(service: TheService) -> Response:
    return Response(
        status_code=204,
        headers={
            **TUS,
            "Tus-Version": "1.0.0",
            "Tus-Extension": "creation,creation-with-upload,termination",
            "Tus-Max-Size": str(service.settings.most_bytes),
        },
    )


@router.post(
    "/uploads",
    status_code=201,
    response_class=Response,
    responses=may_fail(412, 413, 507),
    openapi_extra={
        **_parameters(_header("Upload-Length"), _header("Upload-Metadata", "string", False)),
        **BODY,
    },
)
async def create(request: Request, service: TheService, client: Client) -> Response:
    """Begin an upload of `Upload-Length` bytes; the body may be its first part.

    `Upload-Metadata: filename BASE64` says what to call it. `Location` is the upload.
    """
    _check_version(request)
    size = _number(request, "upload-length")
    name = _name(request.headers.get("upload-metadata", ""))
    id = await run_in_threadpool(uploads.create, service, client, name, size)
    here = 0
    if request.headers.get("content-type", "").startswith(BYTES):
        row = await run_in_threadpool(uploads.find, service, client, id)
        here = await uploads.append(service, row, 0, request.stream())
    headers = {**TUS, "Location": f"{PREFIX}/uploads/{id}", "Upload-Offset": str(here)}
    return Response(status_code=201, headers=headers)


@router.head(
    "/uploads/{id}",
    response_class=Response,
    responses=may_fail(404, 410, 412),
    openapi_extra=_parameters(),
)
def look(request: Request, service: TheService, client: Client, id: str) -> Response:
    """How many bytes are here (`Upload-Offset`): go on from there."""
    _check_version(request)
    row = uploads.find(service, client, id)
    here = uploads.offset(service, id)
    headers = {"Upload-Offset": str(here), "Upload-Length": str(row["bytes"])}
    return Response(status_code=200, headers={**TUS, **headers, "Cache-Control": "no-store"})


@router.patch(
    "/uploads/{id}",
    status_code=204,
    response_class=Response,
    responses=may_fail(404, 409, 410, 412, 413, 415, 423, 507),
    openapi_extra={**_parameters(_header("Upload-Offset")), **BODY},
)
async def append(request: Request, service: TheService, client: Client, id: str) -> Response:
    """Send the next bytes, from `Upload-Offset` on. What came before a cut stays."""
    _check_version(request)
    if not request.headers.get("content-type", "").startswith(BYTES):
        raise Refused(415, "wrong_type", f"send bytes as {BYTES}")
    row = await run_in_threadpool(uploads.find, service, client, id)
    at = _number(request, "upload-offset")
    here = await uploads.append(service, row, at, request.stream())
    return Response(status_code=204, headers={**TUS, "Upload-Offset": str(here)})


@router.delete(
    "/uploads/{id}",
    status_code=204,
    response_class=Response,
    responses=may_fail(404, 412, 423),
    openapi_extra=_parameters(),
)
def delete(request: Request, service: TheService, client: Client, id: str) -> Response:
    """Remove an upload. Jobs that were made of it keep what they need."""
    _check_version(request)
    uploads.find(service, client, id)
    if id in service.busy:
        raise Refused(423, "upload_busy", "another request is writing this upload")
    uploads.remove(service, id)
    return Response(status_code=204, headers=TUS)


def _check_version(request: Request) -> None:
    if request.headers.get("tus-resumable") != "1.0.0":
        words = "uploads speak tus: send Tus-Resumable: 1.0.0"
        raise Refused(412, "wrong_version", words, None, {"Tus-Version": "1.0.0"})


def _number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise Refused(400, "bad_header", f"{name.title()} is a number of bytes", name)
    return int(text)


def _name(metadata: str) -> str:
    """The name in `Upload-Metadata`: pairs of a key and a value in base64, with commas between."""
    for pair in metadata.split(","):
        key, _, value = pair.strip().partition(" ")
        if key == "filename":
            try:
                return base64.b64decode(value, validate=True).decode("utf-8", "replace")
            except (binascii.Error, ValueError):
                raise Refused(400, "bad_header", "the filename is no base64") from None
    return ""
