"""A recording at an address: fetched without ever asking a machine of the operator's own network.

The name of a server is resolved once, every address of it is checked, and the one that was checked
is connected to; so after each redirect. Proxies are not used: they would resolve anew. What comes
is a file like an upload. Pages are not searched for recordings: the address is that of the file.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from unweave.server import uploads
from unweave.server.refusals import Refused
from unweave.server.service import Service

MOST_REDIRECTS = 5
WAIT_S = 20.0  # for the next bytes
HEAD_S = 60.0  # for all of the head of an answer
WHOLE_S = 600.0  # for all of a file
PIECE = 1 << 16
# All that is given out of the sixth version; in it, what leads to addresses of the fourth.
_GIVEN_OUT = IPv6Network("2000::/3")
_TUNNELS = IPv6Network("2001::/32"), IPv6Network("2002::/16")
Resolve = Callable[[str, int], list[str]]


def fetched(service: Service, owner: str, url: str) -> str:
    """The id of an upload with what is at `url`. Raises Refused."""
    if not service.settings.allow_urls:
        raise Refused(403, "urls_not_allowed", "the operator allows no addresses", "source")
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    with _opened(url, resolved) as answer:
        size = int(answer.headers["Content-Length"] or 0)
        if answer.headers.get_content_type() == "text/html":
            raise _no("a web page is there; give the address of the sound file itself")
        id = uploads.create(service, owner, name, size)
        try:
            size = _received(answer, uploads.path(service, id), service.settings.most_bytes)
        except BaseException:
            uploads.remove(service, id)
            raise
    with service.database.writing() as connection:
        connection.execute("UPDATE uploads SET bytes = ? WHERE id = ?", (size, id))
    return id


def public(address: str) -> bool:
    """Whether an address is one of the public network."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and (
        found not in _GIVEN_OUT or any(found in tunnel for tunnel in _TUNNELS)
    ):
        return False
    return found.is_global and not found.is_multicast


def resolved(host: str, port: int) -> list[str]:
    """The addresses of a server, all public. Raises Refused."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _no("there is no such server") from error
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(map(public, addresses)):
        raise _no("it leads into a private network")
    return addresses


@contextmanager
def _opened(url: str, resolve: Resolve) -> Iterator[HTTPResponse]:
    """The answer with the file, after redirects. Raises Refused."""
    for _ in range(MOST_REDIRECTS + 1):
        with closing(_connection(url, resolve)) as connection:
            try:
                with closing(_answer(connection, url)) as answer:
                    if answer.status in (301, 302, 303, 307, 308) and answer.headers["Location"]:
                        url = urljoin(url, answer.headers["Location"])
                        continue
                    if answer.status != 200:
                        raise _no(f"its server answers {answer.status}")
                    yield answer
                    return
            except (OSError, HTTPException, ValueError) as error:
                raise _no("its server does not answer as it should") from error
    raise _no("it is redirected too often")


def _answer(connection: HTTPConnection, url: str) -> HTTPResponse:
    parts = urlsplit(url)
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    target += f"?{quote(parts.query, safe='/?%:@!$&()*+,;=~')}" if parts.query else ""
    headers = {"User-Agent": "unweave", "Accept-Encoding": "identity"}
    connection.request("GET", target, headers=headers)
    late = threading.Timer(HEAD_S, _cut, [connection.sock])
    late.start()
    began = time.monotonic()
    try:
        answer = connection.getresponse()
    finally:
        late.cancel()
    if time.monotonic() - began >= HEAD_S:  # what was cut looks as if it were whole
        answer.close()
        raise TimeoutError
    return answer


def _connection(url: str, resolve: Resolve) -> HTTPConnection:
    """A connection to the server of `url`, to an address that was checked. Raises Refused."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _no("it is no address") from error
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise _no("it is no address of the kind https://server/file.flac")
    port = port or {"http": 80, "https": 443}[parts.scheme]
    address = resolve(host, port)[0]
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection: Any = kind(host, port, timeout=WAIT_S)
    # http.client connects by this; the name stays for the certificate and for `Host`.
    connection._create_connection = lambda _, timeout, source: socket.create_connection(
        (address, port), timeout, source
    )
    made: HTTPConnection = connection
    return made


def _cut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _received(answer: HTTPResponse, path: Any, most_bytes: int) -> int:
    deadline, size = time.monotonic() + WHOLE_S, 0
    with open(path, "wb") as file:
        while block := answer.read1(PIECE):
            size += len(block)
            if size > most_bytes:
                raise Refused(413, "too_large", f"a file may have {most_bytes} bytes", "source")
            if time.monotonic() > deadline:
                raise _no(f"it takes more than {WHOLE_S:.0f} s to come")
            file.write(block)
    return size


def _no(why: str) -> Refused:
    return Refused(422, "not_fetched", f"the address cannot be used: {why}", "source")
