"""A server on loopback that does what servers do: serve, cut, lie, redirect, ask for patience."""

import http.server
import threading
from collections.abc import Callable
from contextlib import contextmanager

ETAG = '"version-1"'


class Request(http.server.BaseHTTPRequestHandler):
    """One request, answered by the next act of the server's script, or as `serve` does."""

    def log_message(self, *args):
        pass

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers["Range"], self.headers["If-Range"]))
        with server.turn:
            act = server.script.pop(0) if server.script else serve
        try:
            act(self)
        except (BrokenPipeError, ConnectionResetError):  # killed meanwhile
            self.close_connection = True

    def head(self, status, length=None, **headers):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def send(self, body):
        self.wfile.write(body)


Act = Callable[[Request], None]


def serve(request, body=None, etag=ETAG):
    """The file, or the part that is asked for, as RFC 9110 wants it."""
    body = request.server.body if body is None else body
    span, version = request.headers["Range"], request.headers["If-Range"]
    if span is None or version not in (None, etag):
        request.head(200, len(body), ETag=etag)
        request.send(body)
        return
    start = int(span.removeprefix("bytes=").removesuffix("-"))
    if start >= len(body):
        request.head(416, 0, Content_Range=f"bytes */{len(body)}")
        return
    place = f"bytes {start}-{len(body) - 1}/{len(body)}"
    request.head(206, len(body) - start, Content_Range=place, ETag=etag)
    request.send(body[start:])


def other(body, etag='"version-2"') -> Act:
    """Another file at the same address."""
    return lambda request: serve(request, body, etag)


def cut(at) -> Act:
    """The connection ends after `at` bytes of what was asked for."""

    def act(request):
        request.send = lambda body: request.wfile.write(body[:at])
        serve(request)

    return act


def whole(**headers) -> Act:
    """The whole file, whatever was asked for."""

    def act(request):
        request.head(200, len(request.server.body), **headers)
        request.send(request.server.body)

    return act


def promising(length) -> Act:
    """The whole file under a wrong length."""

    def act(request):
        request.head(200, length)
        request.send(request.server.body)

    return act


def status(code, **headers) -> Act:
    return lambda request: request.head(code, 0, **headers)


def page(request):
    """A login page with status 200, as hotels and share hosters send it."""
    request.head(200, 13, Content_Type="text/html; charset=utf-8")
    request.send(b"<html></html>")


def endless(request):
    """In pieces, without a length, and more than the file."""
    request.protocol_version = "HTTP/1.1"
    request.head(200, Transfer_Encoding="chunked")
    for _ in range(3):
        body = request.server.body
        request.send(b"%x\r\n" % len(body) + body + b"\r\n")
    request.send(b"0\r\n\r\n")


def slowly(pause_s, pieces) -> Act:
    """As `serve`, in as many pieces with a pause after each."""

    def send(request, body):
        step = -(-len(body) // pieces)
        for start in range(0, len(body), step):
            request.wfile.write(body[start : start + step])
            request.server.done.wait(pause_s)

    def act(request):
        request.send = lambda body: send(request, body)
        serve(request)

    return act


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, body):
        super().__init__(("127.0.0.1", 0), Request)
        self.body, self.script = body, []
        self.asked = []  # path, Range and If-Range of each request
        self.turn, self.done = threading.Lock(), threading.Event()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def running(body):
    with Server(body) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.done.set()
            server.shutdown()
            thread.join()
