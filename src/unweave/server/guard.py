"""Who may come in, and how much: before any route sees a request.

- The name that a request gives the service (`Host`) has to be one of its own: a web page under
  another name that leads here (DNS rebinding) is refused.
- A request that changes something comes from the service's own page, or from no page (`Origin`).
- All but the page itself and `/health` need a token where there are tokens. Who guesses waits.
- A client that asks too often waits; a body is limited.
- An error that nobody expected is logged here, and its client learns that it happened.
"""

from __future__ import annotations

import ipaddress
import json
import sys
import time
import traceback
from collections import Counter
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unweave.server.refusals import Refused
from unweave.server.settings import Settings
from unweave.server.tokens import Tokens

COOKIE = "unweave"
MOST_BODY = 1 << 20  # bytes, of all but uploads
BURST_S = 4.0  # of requests at once, as seconds of the average
GUESSES, GUESS_EVERY_S = 10, 6.0
SAFE = ("GET", "HEAD", "OPTIONS")
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; font-src 'self'; "
    "worker-src 'self' blob:; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """ASGI middleware; puts `client` into the state of a request."""

    def __init__(
        self, app: ASGIApp, settings: Settings, tokens: Tokens, counts: Counter[str]
    ) -> None:
        self.app = app
        self._settings = settings
        self._tokens = tokens
        self._counts = counts
        self._asking = Buckets(BURST_S * settings.requests_per_s, settings.requests_per_s)
        self._guessing = Buckets(GUESSES, 1 / GUESS_EVERY_S)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets here
            await send({"type": "websocket.close", "code": 1008})
            return
        begun = False

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                there = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(
                        (k.encode(), v.encode())
                        for k, v in HEADERS.items()
                        if k.encode() not in there
                    ),
                ]
            await send(message)

        try:
            self._admit(scope)
            await self.app(scope, self._limited(scope, receive), guarded)
        except ClientDisconnect:
            pass
        except Refused as refused:
            await _say(guarded, refused)
        except Exception as error:
            traceback.print_exception(error, file=sys.stderr)
            if not begun:
                words = "something went wrong here; the log of the service says what"
                await _say(guarded, Refused(500, "internal_error", words))

    def _admit(self, scope: Scope) -> None:
        """Raises Refused. Puts the client into the scope's state."""
        headers = _headers(scope)
        host = self._host(headers)
        if scope["method"] not in SAFE:
            _check_origin(headers, host)
        client = scope.get("client")
        address = client[0] if client else ""
        owner = None
        if scope["path"].startswith("/api/") and scope["path"] != "/api/v1/health":
            owner = self._known(_token(headers), address)
        elif scope["path"] == "/" and (given := parse_qs(scope["query_string"]).get(b"token")):
            owner = self._known(given[0].decode("latin-1"), address)
        if not self._asking.take(owner or address):
            raise Refused(429, "too_fast", "too many requests; wait a moment", None, _RETRY)
        self._counts["requests"] += 1
        scope.setdefault("state", {})["client"] = owner

    def _host(self, headers: dict[str, list[str]]) -> str:
        hosts = headers.get("host", [])
        if len(hosts) == 1 and _is_name(hosts[0], self._settings.allow_hosts):
            return hosts[0].lower()
        raise Refused(
            421, "wrong_host", "the service is not called that; its operator adds --allow-host NAME"
        )

    def _known(self, token: str | None, address: str) -> str:
        """Whose token it is. Raises Refused."""
        if self._tokens.hashes and self._guessing.left(address) < 1:
            raise Refused(
                429, "too_many_guesses", "too many wrong tokens; wait a minute", None, _RETRY
            )
        owner = self._tokens.client(token)
        if owner is None:
            self._guessing.take(address)
            raise Refused(
                401, "token_needed", "give a token: Authorization: Bearer TOKEN", None, _BEARER
            )
        return owner

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        """The body, as far as it may be."""
        if scope["path"].startswith("/api/v1/uploads"):
            return receive
        declared = _headers(scope).get("content-length", ["0"])[0]
        if not declared.isdigit() or int(declared) > MOST_BODY:
            raise Refused(413, "too_large", f"the request has more than {MOST_BODY} bytes")
        came = 0

        async def limited() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > MOST_BODY:
                raise Refused(413, "too_large", f"the request has more than {MOST_BODY} bytes")
            return message

        return limited


class Buckets:
    """One bucket for each name: holds up to `most`, and fills by `per_s` a second."""

    def __init__(self, most: float, per_s: float) -> None:
        self._most, self._per_s = most, per_s
        self._held: dict[str, tuple[float, float]] = {}

    def left(self, name: str) -> float:
        held, at = self._held.get(name, (self._most, 0.0))
        return min(self._most, held + (time.monotonic() - at) * self._per_s)

    def take(self, name: str) -> bool:
        """Take one; False where there is none."""
        left = self.left(name)
        if len(self._held) > 10_000:  # full ones are as good as new ones
            self._held = {n: b for n, b in self._held.items() if self.left(n) < self._most}
        self._held[name] = (max(0.0, left - 1), time.monotonic())
        return left >= 1


_RETRY = {"retry-after": "5"}
_BEARER = {"www-authenticate": "Bearer"}


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _is_name(host: str, allowed: tuple[str, ...]) -> bool:
    """Whether `host` is a number, which no stranger's name can be, or a name of the service."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if any(c in host for c in "/@?#\\ "):
            return False
    except ValueError:
        return False
    if name == "localhost" or name in {each.lower() for each in allowed}:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _check_origin(headers: dict[str, list[str]], host: str) -> None:
    origins = headers.get("origin", [])
    site = headers.get("sec-fetch-site", ["same-origin"])
    if any(urlsplit(origin).netloc.lower() != host for origin in origins) or any(
        each not in ("same-origin", "none") for each in site
    ):
        raise Refused(403, "wrong_origin", "another web page may not ask for that")


def _token(headers: dict[str, list[str]]) -> str | None:
    for value in headers.get("authorization", [])[:1]:
        scheme, _, token = value.partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None
    for value in headers.get("cookie", []):
        try:
            cookie = SimpleCookie(value).get(COOKIE)
        except CookieError:
            continue
        if cookie is not None:
            return cookie.value
    return None


async def _say(send: Send, refused: Refused) -> None:
    body = json.dumps(refused.document()).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body))}
    pairs = [(k.encode(), v.encode()) for k, v in {**headers, **refused.headers}.items()]
    await send({"type": "http.response.start", "status": refused.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
