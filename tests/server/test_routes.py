"""Requests that take long: a few of a client at a time, the others in turn."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from starlette.responses import PlainTextResponse, Response

from unweave.server import routes
from unweave.server.routes import MOST_SLOW_OF_ONE, files


@dataclass
class Slow:
    """Stands for the making of a stem: is at work until it is let go."""

    go: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    made: list[str] = field(default_factory=list)
    at_work: int = 0
    most: int = 0

    def __call__(self, service, client, id, stem, *_) -> Response:
        with self.lock:
            self.made.append(stem)
            self.at_work += 1
            self.most = max(self.most, self.at_work)
        self.go.wait(20)
        with self.lock:
            self.at_work -= 1
        return PlainTextResponse(stem)


@pytest.fixture
def slow(monkeypatch) -> Iterator[Slow]:
    made = Slow()
    monkeypatch.setattr(files, "_stem", made)
    yield made
    made.go.set()


def until(true: Callable[[], bool]) -> None:
    while not true():
        time.sleep(0.01)


def test_many_downloads_at_once_wait_in_turn(at_work, slow) -> None:
    names = [f"{n}" for n in range(3 * MOST_SLOW_OF_ONE)]
    with at_work.http() as http, ThreadPoolExecutor(len(names)) as pool:
        asked = [pool.submit(http.get, f"/jobs/x/stems/{name}.mp3") for name in names]
        until(lambda: slow.at_work == MOST_SLOW_OF_ONE)
        slow.go.set()
        answers = [each.result() for each in asked]
    assert [answer.status_code for answer in answers] == [200] * len(names)
    assert [answer.text for answer in answers] == names
    assert slow.most == MOST_SLOW_OF_ONE
    assert at_work.service.turns == {}


def test_too_many_that_wait_are_refused(at_work, slow, monkeypatch) -> None:
    monkeypatch.setattr(routes, "MOST_WAITING_OF_ONE", 2)
    count = MOST_SLOW_OF_ONE + 2
    with at_work.http() as http, ThreadPoolExecutor(count) as pool:
        asked = [pool.submit(http.get, f"/jobs/x/stems/{n}.mp3") for n in range(count)]
        until(lambda: _waiting(at_work) == 2)
        refused = http.get("/jobs/x/stems/more.mp3")
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_at_once")
        slow.go.set()
        assert {each.result().status_code for each in asked} == {200}


def test_what_nobody_waits_for_any_more_is_not_made(at_work, slow) -> None:
    where = urlsplit(at_work.address)
    with at_work.http() as http, ThreadPoolExecutor(MOST_SLOW_OF_ONE) as pool:
        asked = [pool.submit(http.get, f"/jobs/x/stems/{n}.mp3") for n in range(MOST_SLOW_OF_ONE)]
        until(lambda: slow.at_work == MOST_SLOW_OF_ONE)
        with socket.create_connection((where.hostname, where.port)) as gone:
            gone.sendall(b"GET /api/v1/jobs/x/stems/gone.mp3 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            until(lambda: _waiting(at_work) == 1)
        slow.go.set()
        assert {each.result().status_code for each in asked} == {200}
        assert http.get("/jobs/x/stems/last.mp3").text == "last"
    assert "gone" not in slow.made


def _waiting(found) -> int:
    return sum(turns.statistics().tasks_waiting for turns in found.service.turns.values())
