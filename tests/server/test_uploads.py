"""Uploads by tus 1.0.0."""

from __future__ import annotations

import base64
import socket
import time

import pytest

from tests.server.conftest import OTHER_TOKEN, SHARED_TOKEN
from unweave.server import uploads
from unweave.server.client import ServiceError

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}


@pytest.fixture
def http(idle):
    with idle.http(SHARED_TOKEN, **TUS) as found:
        yield found


def create(http, size: int, name: str = "a.wav", **how) -> str:
    named = {"Upload-Metadata": f"filename {base64.b64encode(name.encode()).decode()}"}
    answer = http.post("/uploads", headers={"Upload-Length": str(size), **named}, **how)
    assert answer.status_code == 201
    return answer.headers["Location"].removeprefix("/api/v1")


def test_what_there_is_to_know(http) -> None:
    answer = http.options("/uploads")
    assert answer.headers["tus-version"] == "1.0.0"
    assert "creation-with-upload" in answer.headers["tus-extension"]


def test_a_file_in_pieces(http, idle) -> None:
    url = create(http, 10)
    assert http.head(url).headers["upload-offset"] == "0"
    for at, piece in ((0, b"abcd"), (4, b"efghij")):
        answer = http.patch(url, content=piece, headers={**BYTES, "Upload-Offset": str(at)})
        assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(at + len(piece)))
    assert (idle.settings.uploads / url.rpartition("/")[2]).read_bytes() == b"abcdefghij"
    assert http.delete(url).status_code == 204
    assert http.head(url).status_code == 404


def test_what_came_before_a_cut_stays(http, idle) -> None:
    url = create(http, 1000)
    host, _, port = idle.address.removeprefix("http://").partition(":")
    head = (
        f"PATCH /api/v1{url} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n"
        f"Authorization: Bearer {SHARED_TOKEN}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
        "Content-Type: application/offset+octet-stream\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as cut:
        cut.sendall(head.encode() + b"x" * 300)
        deadline = time.monotonic() + 5
        while url.rpartition("/")[2] not in idle.service.busy and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.05)
    deadline = time.monotonic() + 5
    while http.head(url).headers["upload-offset"] != "300" and time.monotonic() < deadline:
        time.sleep(0.02)
    answer = http.patch(url, content=b"y" * 700, headers={**BYTES, "Upload-Offset": "300"})
    assert answer.headers["upload-offset"] == "1000"


def test_what_is_not_as_it_should_be(http, idle) -> None:
    url = create(http, 10)
    wrong = [
        (409, http.patch(url, content=b"a", headers={**BYTES, "Upload-Offset": "5"})),
        (413, http.patch(url, content=b"a" * 11, headers={**BYTES, "Upload-Offset": "0"})),
        (415, http.patch(url, content=b"a", headers={"Upload-Offset": "0"})),
        (400, http.patch(url, content=b"a", headers={**BYTES, "Upload-Offset": "-1"})),
        (412, http.head(url, headers={"Tus-Resumable": "0.2"})),
        (413, http.post("/uploads", headers={"Upload-Length": str(10**13)})),
        (400, http.post("/uploads", headers={"Upload-Length": "9" * 99})),
        (
            400,
            http.post("/uploads", headers={"Upload-Length": "1", "Upload-Metadata": "filename %%"}),
        ),
        (405, http.head("/uploads/..%2F..%2Fservice.sqlite3")),
        (404, http.head("/uploads/" + "0" * 32)),
    ]
    assert [answer.status_code for _, answer in wrong] == [status for status, _ in wrong]
    assert http.head(url).headers["upload-offset"] == "0"
    with idle.http(OTHER_TOKEN, **TUS) as other:
        assert other.head(url).status_code == 404
    with pytest.raises(ServiceError, match="0 of 10 bytes"):
        idle.client(SHARED_TOKEN).submit({"upload": url.rpartition("/")[2]})


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\music\\a.mp3", "a.mp3"),
        ("a\r\nSet-Cookie: x.wav", "a  Set-Cookie: x.wav"),
        (" ", "recording"),
        ("<img src=x onerror=alert(1)>.wav", "<img src=x onerror=alert(1)>.wav"),
        ("日本語.flac", "日本語.flac"),
        ("x" * 999, "x" * 250),
    ],
)
def test_a_name_is_shown_and_names_no_file(http, idle, name, shown) -> None:
    id = create(http, 3, name).rpartition("/")[2]
    row = uploads.find(idle.service, row_owner(idle), id)
    assert row["name"] == shown
    kept = uploads.kept(idle.service, uploads.path(idle.service, id), "0" * 64, name)
    assert kept.parent == idle.settings.sources / ("0" * 64)
    assert kept.name in ("song", "song.wav", "song.mp3", "song.flac")


def row_owner(idle) -> str:
    return idle.service.tokens.client(SHARED_TOKEN)
