"""A service in this process: HTTP over a real socket, the worker and the helpers on threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

pytest.importorskip("fastapi", reason="needs the extra serve")

from unweave import Client
from unweave.server import serve, tokens
from unweave.server.helpers import answered
from unweave.server.refusals import Refused
from unweave.server.service import Service, service
from unweave.server.settings import Settings
from unweave.server.tokens import Tokens
from unweave.server.worker import Worker

RATE_HZ = 22050
OPTIONS = {"model": "hpss", "format": "wav"}
SHARED_TOKEN, OTHER_TOKEN = "the-token-of-anna-1", "the-token-of-bert-2"


class Here:
    """Helpers without processes."""

    def ask(self, function: Callable[..., Any], *arguments: Any, timeout_s: float = 0.0) -> Any:
        done, answer = answered(function, arguments)
        if not done:
            raise Refused(*answer)
        return answer

    def warm(self) -> None: ...

    def end(self) -> None: ...


@dataclass
class Running:
    """A service that answers."""

    address: str
    settings: Settings
    service: Service

    def http(self, token: str | None = None, **headers: str) -> httpx.Client:
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return httpx.Client(base_url=f"{self.address}/api/v1", headers=headers, timeout=20)

    def client(self, token: str | None = None) -> Client:
        return Client(self.address, token)


@contextmanager
def running(
    folder: Path, known: Tokens | None = None, *, works: bool = True, **settings: Any
) -> Iterator[Running]:
    """works: jobs are done; else they wait."""
    chosen = Settings(data=folder / "data", port=0, **settings)
    made = service(chosen, known or Tokens())
    made.asking = made.looking = made.converting = Here()
    stop, ready = threading.Event(), threading.Event()
    with ExitStack() as stack:
        listener = stack.enter_context(serve._listening(chosen))
        server = serve._Server(made, stop.is_set)
        server.on_start = ready.set
        threads = [threading.Thread(target=server.run, kwargs={"sockets": [listener]})]
        if works:
            threads.append(threading.Thread(target=Worker(chosen, stop).work))
        for thread in threads:
            thread.start()
        assert ready.wait(20)
        try:
            yield Running(f"http://127.0.0.1:{listener.getsockname()[1]}", chosen, made)
        finally:
            stop.set()
            for thread in threads:
                thread.join()


@pytest.fixture(scope="module")
def at_work(tmp_path_factory) -> Iterator[Running]:
    """A service for everyone on this machine, which does its jobs."""
    with running(tmp_path_factory.mktemp("service")) as found:
        yield found


@pytest.fixture(scope="module")
def idle(tmp_path_factory) -> Iterator[Running]:
    """A service for two clients, whose jobs wait."""
    known = tokens.of([SHARED_TOKEN, OTHER_TOKEN])
    folder = tmp_path_factory.mktemp("idle")
    (folder / "allowed").mkdir()
    paths = (folder / "allowed",)
    with running(folder, known, works=False, allow_paths=paths, requests_per_s=1e6) as found:
        yield found


@pytest.fixture(scope="session")
def clip(tmp_path_factory, make_wave) -> Path:
    """A second and a half of stereo."""
    path = tmp_path_factory.mktemp("clip") / "Ma chanson é <b>.wav"
    wave = make_wave(2, 3 * RATE_HZ // 2, RATE_HZ)
    soundfile.write(path, wave.T, RATE_HZ, subtype="FLOAT")
    return path


@pytest.fixture(scope="module")
def done(at_work, clip):
    client = at_work.client()
    return client.wait(client.submit(clip, **OPTIONS))


@pytest.fixture
def sound_of() -> Callable[[Path], np.ndarray]:
    """`(time, channel)` of a file."""
    return lambda path: soundfile.read(path, dtype="float32", always_2d=True)[0]


@pytest.fixture
def say() -> Callable[..., Any]:
    """say("serve", ...): run the command in this process."""
    from typer.testing import CliRunner

    from unweave.cli.app import app

    def run(*words: object) -> Any:
        done = CliRunner().invoke(app, [str(word) for word in words])
        return Said(done.exit_code, done.stdout, done.stderr)

    return run


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str
