"""`serve` runs a service until it is told to stop; `studio` does so for one person's browser."""

from __future__ import annotations

import contextlib
import secrets
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn

from unweave.core.children import Children
from unweave.core.files import advice, shown
from unweave.core.lock import locked
from unweave.errors import OutputError, UsageError
from unweave.server import tokens as known
from unweave.server import worker
from unweave.server.app import create_app
from unweave.server.connections import Connection
from unweave.server.kinds import KINDS
from unweave.server.service import Service, service
from unweave.server.settings import Settings
from unweave.server.tokens import Tokens
from unweave.types import ShouldStop, StrPath

GRACE_S = 3  # for answers that are being sent when it stops
PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0  # before a worker that died is started again
STARTING_S = 10.0  # for a worker that is told to stop before it can listen
MOST_HEADER = 64 * 1024  # bytes
MOST_OPEN = 4096  # files and connections


def serve(
    data: StrPath | None = None,
    *,
    token_file: StrPath | None = None,
    on_ready: Callable[[str, str | None], None] | None = None,
    should_stop: ShouldStop | None = None,
    **settings: Any,
) -> None:
    """Run the HTTP service until a signal, or `should_stop`, says stop.

    data: the folder of everything that it keeps; the user's by default. token_file: tokens of
    clients, one a line. Where others than this machine may connect and there is no file, a token
    is made. on_ready: gets the address and that token when the service answers. settings: the
    fields of `unweave.server.settings.Settings`, as `host`, `port`, `allow_paths`, `jobs`.

    What was running when a service was killed is done again. Raises UsageError, InputError,
    OutputError, with one line that says what to do.
    """
    chosen = _settings(data, settings)
    made = None
    if token_file is not None:
        clients = known.of_file(Path(token_file))
    elif chosen.loopback:
        clients = Tokens()
    else:
        made = secrets.token_urlsafe(24)
        clients = known.of([made])
    _run(chosen, clients, made, on_ready, should_stop)


def studio(
    data: StrPath | None = None,
    *,
    port: int = 0,
    browser: bool = True,
    on_ready: Callable[[str, str | None], None] | None = None,
    should_stop: ShouldStop | None = None,
    **settings: Any,
) -> None:
    """Run the service for this machine's own browser, and open the page in it.

    port: 0 for a free one. browser: whether to open it. A token of this run is part of the address,
    so that other users of the machine are kept out. Raises as `serve` does.
    """
    token, clients = known.for_session()

    def ready(address: str, _: str | None) -> None:
        whole = f"{address}/?token={token}"
        if browser:
            threading.Thread(target=webbrowser.open, args=(whole,), daemon=True).start()
        if on_ready is not None:
            on_ready(whole, token)

    chosen = _settings(data, {**settings, "port": port, "host": "127.0.0.1"})
    _run(chosen, clients, None, ready, should_stop)


def _settings(data: StrPath | None, given: dict[str, Any]) -> Settings:
    if data is None:
        import platformdirs

        data = Path(platformdirs.user_data_dir("unweave")) / "service"
    if "allow_paths" in given:
        given = {**given, "allow_paths": tuple(map(Path, given["allow_paths"]))}
    for kind in given.get("kinds", ()):
        if kind not in KINDS:
            raise UsageError(f"there is no kind {kind!r}; there are {', '.join(KINDS)}")
    return Settings(data=Path(data).absolute(), **given)


def _run(
    settings: Settings,
    tokens: Tokens,
    token: str | None,
    on_ready: Callable[[str, str | None], None] | None,
    should_stop: ShouldStop | None,
) -> None:
    _open_many()
    try:
        with _alone(settings), _listening(settings) as listener:
            made = service(settings, tokens)
            with Supervised(settings, made):
                server = _Server(made, should_stop)
                host, port = listener.getsockname()[:2]
                shown_host = f"[{host}]" if ":" in host else host
                address = f"http://{shown_host}:{port}"
                server.on_start = lambda: on_ready and on_ready(address, token)
                server.run(sockets=[listener])
    except OSError as error:
        raise OutputError(f"{shown(settings.data)}: {advice(error)}") from error


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """No other service runs on the data folder."""

    def waiting() -> None:
        raise UsageError(
            f"{shown(settings.data)}: another service runs on this folder; stop it, or choose "
            "another folder with --data"
        )

    with locked(settings.data / "service.lock", waiting):
        yield


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=512)
    except (OSError, UnicodeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        where = f"{settings.host}:{settings.port}"
        raise UsageError(f"cannot listen at {where}: {reason}; choose another --port") from error
    with listener:
        yield listener


def _open_many() -> None:
    """Let this process have as many connections as the system allows it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    least, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if least < MOST_OPEN <= most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_OPEN, most))


class _Server(uvicorn.Server):
    """Stops where `should_stop` says so, and ends the streams of events with it."""

    def __init__(self, made: Service, should_stop: ShouldStop | None) -> None:
        self._made = made
        self._should_stop = should_stop
        self.on_start: Callable[[], object] = lambda: None
        app = create_app(made, self._tick)
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                http=Connection,
                loop="asyncio",
                h11_max_incomplete_event_size=MOST_HEADER,
                timeout_graceful_shutdown=GRACE_S,
                timeout_keep_alive=30,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.on_start()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if self._should_stop is not None:  # whoever calls has handlers of their own
            yield
        else:
            with super().capture_signals():
                yield

    def _tick(self) -> None:
        if self._should_stop is not None and self._should_stop():
            self.should_exit = True
        if self.should_exit:
            self._made.changes.stop()


class Supervised:
    """A worker process that is started again when it dies, inside a `with`."""

    def __init__(self, settings: Settings, made: Service) -> None:
        self._settings = settings
        self._made = made
        self._stopped = threading.Event()
        self._children: Children | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)
        made.worker_is_alive = lambda: self._children is not None and bool(self._children.busy)

    def __enter__(self) -> None:
        self._thread.start()
        threading.Thread(target=self._made.warm, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        pause_s = PAUSE_S
        while not self._stopped.is_set():
            self._children = Children(worker.main, self._settings)
            self._children.hand("work")  # a word that it has nothing to do with
            lived = self._until_death(self._children)
            if self._stopped.is_set():
                break
            self._made.counts["deaths"] += 1
            pause_s = PAUSE_S if lived else min(LONGEST_PAUSE_S, 2 * pause_s)
            print("the worker died; it is started again", file=sys.stderr, flush=True)
            self._stopped.wait(pause_s)
        if self._children is not None:
            self._children.end()

    def _until_death(self, children: Children) -> bool:
        """Whether it lived for a while before it died, or was told to stop."""
        looks = 0
        while children.busy and not self._stopped.is_set():
            looks += 1
            for child, message in children.listen():
                if message is None:
                    child.job = None
        if self._stopped.is_set():
            children.stop()
            deadline = time.monotonic() + worker.PATIENCE_S + STARTING_S
            while children.busy and time.monotonic() < deadline:
                for child, message in children.listen():
                    if message is None:
                        child.job = None
        return looks > 50
