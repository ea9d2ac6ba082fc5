"""Clients that are slow on purpose, and requests that are too large."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.server.conftest import SHARED_TOKEN, Running
from unweave.server import connections, serve
from unweave.server.serve import MOST_HEADER

START = (
    f"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {SHARED_TOKEN}\r\n"
)


@contextmanager
def connected(service: Running) -> Iterator[socket.socket]:
    host, _, port = service.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        yield line


def drip(line: socket.socket, piece: bytes, most_s: float = 15.0) -> float:
    """Seconds until the other end has closed, while a piece is sent every now and then."""
    began = time.monotonic()
    line.settimeout(0.05)
    while time.monotonic() < began + most_s:
        try:
            line.sendall(piece)
            if not line.recv(1 << 16):
                return time.monotonic() - began
        except TimeoutError:
            continue
        except OSError:
            return time.monotonic() - began
    raise AssertionError("it is still open")


def answer(line: socket.socket) -> bytes:
    found = b""
    while b"\r\n\r\n" not in found and (piece := line.recv(1 << 16)):
        found += piece
    return found.partition(b"\r\n")[0]


def test_a_head_that_comes_byte_by_byte_is_not_waited_for(idle, monkeypatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.4)
    with connected(idle) as line:
        line.sendall(START.encode())
        drip(line, b"X-A: b\r\n")
    with connected(idle) as line:  # nor is a second one on the same connection
        line.sendall(START.encode() + b"\r\n")
        assert b"200" in answer(line)
        drip(line, b"G")


def test_a_body_of_which_nothing_comes_is_not_waited_for(idle, monkeypatch) -> None:
    monkeypatch.setattr(connections, "BODY_S", 0.5)
    head = START.replace("GET /api/v1/health", "POST /api/v1/jobs")
    with connected(idle) as line:
        line.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n".encode())
        assert drip(line, b"") < 10
    with connected(idle) as line:  # as long as some comes, it is
        line.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 4\r\n\r\n".encode())
        for piece in (b"n", b"u", b"l", b"l"):
            time.sleep(0.3)
            line.sendall(piece)
        assert b"422" in answer(line)


def test_the_rest_of_what_is_refused_is_not_read_for_ever(idle, monkeypatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.4)
    head = START.replace("GET /api/v1/health", "POST /api/v1/jobs")
    with connected(idle) as line:
        line.sendall(f"{head}Content-Length: {10**12}\r\n\r\n".encode())
        assert b"413" in answer(line)
        drip(line, b"x" * 100)


def test_who_takes_none_of_an_answer_is_let_go(at_work, monkeypatch) -> None:
    monkeypatch.setattr(connections, "TAKE_S", 0.5)
    with connected(at_work) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
        assert any(not _sent(line, request) for _ in range(2000))


def _sent(line: socket.socket, data: bytes) -> bool:
    time.sleep(0.01)
    try:
        line.sendall(data)
        return True
    except OSError:
        return False


def test_one_address_has_so_many_connections(idle, monkeypatch) -> None:
    monkeypatch.setattr(connections, "MOST_OF_ONE", 3)
    with ExitStack() as stack:
        for _ in range(3):
            line = stack.enter_context(connected(idle))
            line.sendall(START.encode() + b"\r\n")
            assert b"200" in answer(line)
        late = stack.enter_context(connected(idle))
        assert drip(late, b"") < 10
    with connected(idle) as line:
        line.sendall(START.encode() + b"\r\n")
        assert b"200" in answer(line)


def test_a_head_has_a_limit(idle) -> None:
    for head in (f"X-A: {'b' * 2 * MOST_HEADER}\r\n", "X-A: b\r\n" * (MOST_HEADER // 4)):
        with connected(idle) as line:
            try:
                line.sendall((START + head).encode())
                assert b"400" in answer(line)
            except ConnectionError:  # it was closed before all was sent
                pass
    with idle.http(SHARED_TOKEN) as http:
        assert http.get("/health").status_code == 200


@pytest.mark.parametrize(
    "head",
    [
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        "Content-Length: -1\r\n\r\n",
        "Content-Length: 0x5\r\n\r\nabcde",
        "X\0A: b\r\n\r\n",
        "X-A: b\r\n folded\r\n\r\n",
        "Transfer-Encoding: gzip\r\n\r\n",
        "Host: evil.example\r\n\r\n",
    ],
)
def test_no_head_is_read_in_two_ways(idle, head) -> None:
    """Each is refused, or one request with one answer (RFC 9112, section 6.3)."""
    with connected(idle) as line:
        start = START.replace("GET /api/v1/health", "POST /api/v1/jobs")
        line.sendall((start + head).encode())
        line.settimeout(0.7)
        found = b""
        try:
            while piece := line.recv(1 << 16):
                found += piece
        except (TimeoutError, ConnectionError):
            pass
    assert found.count(b"HTTP/1.1 ") == 1, found
    assert found.split()[1] in (b"400", b"415", b"421", b"422", b"501"), found


@pytest.mark.parametrize(
    ("limits", "asked"),
    [((1024, 1 << 20), [(4096, 1 << 20)]), ((8192, 1 << 20), []), ((1024, 2000), [])],
)
def test_as_many_connections_as_the_system_allows(monkeypatch, limits, asked) -> None:
    resource = pytest.importorskip("resource", reason="Windows has no such limits")
    found: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: found.append(wanted))
    serve._open_many()
    assert found == asked
