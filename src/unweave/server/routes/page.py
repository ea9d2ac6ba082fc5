"""The web page: files that `make studio` has built, or a word on how to build them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from unweave.server.guard import COOKIE
from unweave.server.refusals import Refused
from unweave.server.views import PREFIX

router = APIRouter(include_in_schema=False)
FOLDER = Path(__file__).parents[1] / "page"
MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>unweave</title>
<h1>unweave</h1><p>The service runs. The web page is not built: run <code>make studio</code> in the
folder of unweave, then reload.</p><p>Programs find the interface at
<a href="{prefix}/openapi.json">{prefix}/openapi.json</a>.</p></html>"""
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}


@cache
def _files() -> dict[str, Path]:
    """Every file of the page by its address; nothing else is ever served."""
    return {
        path.relative_to(FOLDER).as_posix(): path
        for path in FOLDER.rglob("*")
        if path.is_file() and path.suffix in TYPES
    }


@router.get("/")
def index(request: Request) -> Response:
    """The page. With `?token=T` the browser keeps the token as a cookie first."""
    token = parse_qs(request.url.query).get("token")
    if token and request.scope["state"].get("client"):
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, token[0], httponly=True, samesite="strict", path="/")
        return answer
    if "index.html" not in _files():
        _files.cache_clear()  # it may be built meanwhile
    if "index.html" not in _files():
        return HTMLResponse(MISSING.format(prefix=PREFIX), headers={"Cache-Control": "no-store"})
    return _file("index.html")


@router.get("/{name:path}")
def asset(name: str) -> Response:
    """A file of the page."""
    return _file(name)


def _file(name: str) -> Response:
    path = _files().get(name)
    if path is None or not path.is_file():
        raise Refused(404, "not_found", "there is nothing here")
    forever = name.startswith("assets/")  # their names change with their content
    headers = {"Cache-Control": "public, max-age=31536000, immutable" if forever else "no-cache"}
    return FileResponse(path, media_type=TYPES[path.suffix], headers=headers)
