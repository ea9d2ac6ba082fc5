"""Who may come in, and what a stranger learns."""

from __future__ import annotations

import os

import pytest

from tests.server.conftest import OTHER_TOKEN, SHARED_TOKEN, running
from unweave.server import addresses, guard, tokens
from unweave.server.client import ServiceError
from unweave.server.guard import Buckets
from unweave.server.refusals import Refused


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:9999", 200),
        ("localhost", 200),
        ("[::1]:80", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost@evil.example", 421),
        ("", 421),
    ],
)
def test_another_name_that_leads_here_is_refused(at_work, host, status) -> None:
    with at_work.http(Host=host) as http:
        assert http.get("/health").status_code == status
        assert http.get("/jobs").status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 404),
        ({"Origin": "{own}"}, 404),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_another_page_changes_nothing(at_work, headers, status) -> None:
    own = {name: value.replace("{own}", at_work.address) for name, value in headers.items()}
    with at_work.http() as http:
        assert http.post("/jobs/x/cancel", headers=own).status_code == status
        assert http.delete("/jobs/x", headers=own).status_code == status


def test_a_token_is_needed_and_guessing_is_slow(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(guard, "GUESS_EVERY_S", 1e9)
    known = tokens.of([SHARED_TOKEN, OTHER_TOKEN])
    with running(tmp_path, known, works=False) as found:
        with found.http() as http:
            assert http.get("/health").status_code == 200
            refused = http.get("/jobs")
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"
        with found.http(SHARED_TOKEN) as http:
            assert http.get("/jobs").status_code == 200
        statuses = []
        for n in range(12):
            with found.http(f"a-wrong-token-{n:04}") as http:
                statuses.append(http.get("/jobs").status_code)
        assert statuses[0] == 401
        assert statuses[-1] == 429
        with found.http(SHARED_TOKEN) as http:  # then the right one is no proof either
            assert http.get("/jobs").status_code == 429


def test_the_page_gets_the_token_as_a_cookie(tmp_path) -> None:
    token, known = tokens.for_session()
    with running(tmp_path, known, works=False) as found, found.http() as http:
        root = found.address
        answer = http.get(f"{root}/?token={token}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert http.get("/jobs").status_code == 200
        assert http.get(f"{root}/?token=wrong").status_code == 401
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "unsafe-inline" not in answer.headers["content-security-policy"]


def test_only_files_of_the_page_are_served(at_work) -> None:
    with at_work.http() as http:
        assert http.get(f"{at_work.address}/").status_code == 200
        for path in ("/app.py", "/..%2fapp.py", "/page/../app.py", "/%2e%2e/settings.py"):
            assert http.get(f"{at_work.address}{path}").status_code == 404


def test_too_many_requests_wait(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(guard, "BURST_S", 4e6)
    with running(tmp_path, works=False, requests_per_s=1e-6) as found, found.http() as http:
        answers = [http.get("/jobs") for _ in range(8)]
        assert answers[0].status_code == 200
        assert answers[-1].status_code == 429
        assert answers[-1].json()["error"]["code"] == "too_fast"


def test_a_bucket_fills_again(monkeypatch) -> None:
    now = [100.0]
    monkeypatch.setattr("unweave.server.guard.time.monotonic", lambda: now[0])
    bucket = Buckets(2, 1.0)
    assert [bucket.take("a") for _ in range(3)] == [True, True, False]
    assert bucket.take("b")
    now[0] += 1.0
    assert [bucket.take("a") for _ in range(2)] == [True, False]


def test_paths_are_taken_below_allowed_folders_alone(idle, clip, tmp_path) -> None:
    allowed = idle.settings.allow_paths[0]
    (allowed / "song.wav").write_bytes(clip.read_bytes())
    (allowed / "way.wav").symlink_to(clip)
    client = idle.client(SHARED_TOKEN)
    job = client.submit({"path": str(allowed / "song.wav")}, model="hpss")
    assert job["source"]["name"] == "song.wav"
    for path in (
        clip,
        allowed / "way.wav",
        allowed / ".." / "data" / "service.sqlite3",
        f"{allowed}/../{clip.name}",
        "song.wav",
        "/etc/passwd\0.wav",
        "/no/such/file",
        f"{allowed}x/song.wav",
    ):
        with pytest.raises(ServiceError) as caught:
            client.submit({"path": os.fspath(path)}, model="hpss")
        assert (caught.value.status, caught.value.code) == (403, "path_not_allowed")


def test_addresses_are_refused_unless_allowed(idle) -> None:
    with pytest.raises(ServiceError, match="allows no addresses"):
        idle.client(SHARED_TOKEN).submit({"url": "https://example.org/a.mp3"}, model="hpss")


@pytest.mark.parametrize(
    "address",
    "127.0.0.1 10.1.2.3 192.168.0.1 172.16.0.1 169.254.169.254 0.0.0.0 ::1 fe80::1%eth0 fc00::1 "
    "::ffff:127.0.0.1 64:ff9b::7f00:1 2002:7f00:1:: 224.0.0.1 255.255.255.255 100.64.0.1 "
    ":: ::7f00:1 ::ffff:0:7f00:1 ::ffff:10.0.0.1 64:ff9b:1::1 2001:0:7f00:1:: fec0::1 ff02::1 "
    "2001:db8::1 198.18.0.1 192.0.2.1 240.0.0.1".split(),
)
def test_a_private_address_is_not_connected_to(address) -> None:
    assert not addresses.public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "2a00:1450:4001::1"])
def test_a_public_address_is(address) -> None:
    assert addresses.public(address)


def test_a_name_with_one_private_address_is_refused(monkeypatch) -> None:
    def answers(*found: str) -> None:
        entries = [(2, 1, 6, "", (address, 80)) for address in found]
        monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *_, **__: entries)

    answers("93.184.216.34", "2606:4700::1111")
    assert addresses.resolved("two.example", 80) == ["93.184.216.34", "2606:4700::1111"]
    for private in ("10.0.0.1", "::1", "fe80::1%eth0", "169.254.169.254"):
        answers("93.184.216.34", private)
        with pytest.raises(Refused, match="private"):
            addresses.resolved("two.example", 80)
    answers()
    with pytest.raises(Refused):
        addresses.resolved("none.example", 80)


def test_a_name_is_resolved_once_and_what_was_checked_is_connected_to(monkeypatch) -> None:
    """DNS that answers otherwise the second time leads nowhere."""
    asked, connected = [], []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

    def connect(place: tuple[str, int], *_: object) -> None:
        connected.append(place)
        raise OSError("no network here")

    monkeypatch.setattr(addresses.socket, "create_connection", connect)
    with (
        pytest.raises(Refused),
        addresses._opened("http://turning.example/a.wav", resolve),
    ):
        raise AssertionError
    assert (asked, connected) == (["turning.example"], [("93.184.216.34", 80)])


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/a",
        "file:///etc/passwd",
        "http://user@example.org/",
        "http://",
        "x",
        "http://[::1",
        "http://127.0.0.1:1/a.wav",
        "http://2130706433/a.wav",
        "http://0x7f.1/a.wav",
        "http://0177.0.0.1/a.wav",
        "http://[::ffff:127.0.0.1]/a.wav",
        "http://[::127.0.0.1]/a.wav",
        "http://[fe80::1%25lo]/a.wav",
        "http://127.0.0.1\\@example.org/a.wav",
        "http://example.org:99999/a.wav",
        "http://a\r\nHost: b/a.wav",
        "gopher://127.0.0.1/",
        "//127.0.0.1/a.wav",
        "http://localhost/a.wav",
    ],
)
def test_an_address_that_leads_inside_or_nowhere(url) -> None:
    with pytest.raises(Refused), addresses._opened(url, addresses.resolved):
        raise AssertionError


def test_a_file_comes_from_an_address_and_no_redirect_leads_inside(idle, monkeypatch) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            moved = self.path == "/moved"
            self.send_response(302 if moved else 200)
            if moved:
                self.send_header("Location", "http://inside.example/secret")
            body = b"" if moved else b"RIFF of sound"
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    def resolve(host: str, port: int) -> list[str]:
        if host == "inside.example":
            return addresses.resolved("127.0.0.1", port)
        return ["127.0.0.1"]

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://outside.example:{server.server_port}"
        with addresses._opened(f"{url}/a.wav", resolve) as answer:
            assert answer.read() == b"RIFF of sound"
        with pytest.raises(Refused, match="private"), addresses._opened(f"{url}/moved", resolve):
            raise AssertionError
        server.shutdown()


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_server_that_sends_byte_by_byte_is_not_waited_for(idle, tmp_path, monkeypatch, part):
    import socketserver
    from threading import Event, Thread

    done = Event()
    monkeypatch.setattr(addresses, "HEAD_S", 0.5)
    monkeypatch.setattr(addresses, "WHOLE_S", 0.5)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(b"HTTP/1.1 200 OK\r\n" + (b"\r\n" if part == "body" else b""))
            try:
                while not done.wait(0.05):
                    self.request.sendall(b"x")
            except OSError:
                pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://slow.example:{server.server_address[1]}/a.wav"
        try:
            with (
                pytest.raises(Refused) as caught,
                addresses._opened(url, lambda *_: ["127.0.0.1"]) as answer,
            ):
                addresses._received(answer, tmp_path / "a.wav", 1000)
        finally:
            done.set()
            server.shutdown()
    assert caught.value.code == "not_fetched"


def test_an_error_that_nobody_expected_says_nothing_of_the_inside(
    idle, monkeypatch, capsys
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr("unweave.server.routes.jobs._job", broken)
    with idle.http(SHARED_TOKEN) as http:
        answer = http.get("/jobs/x")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal_error"
    assert "secret" not in answer.text
    assert "secret" in capsys.readouterr().err


def test_a_body_has_a_limit_and_is_plain(idle) -> None:
    with idle.http(SHARED_TOKEN) as http:
        assert http.post("/jobs", content=b"[" * (2 << 20)).status_code == 413
        kinds = {"Content-Type": "application/json"}
        for body in (
            b'{"kind": "separate", "options": {"a": NaN}}',
            b'{"kind": "separate", "options": {"a": "\\ud800"}}',
            b'{"kind": "separate", "options": {"a": ' + b"[" * 9000 + b"]" * 9000 + b"}}",
            b'{"kind": "none"}',
            b'{"kind": "separate", "source": {"upload": "a", "url": "b"}}',
            b"\xff",
        ):
            answer = http.post("/jobs", content=body, headers=kinds)
            assert 400 <= answer.status_code < 500, body[:60]
            assert set(answer.json()["error"]) == {"code", "message", "field"}


def test_tokens_of_a_file(tmp_path) -> None:
    from unweave.errors import UsageError

    path = tmp_path / "tokens"
    path.write_text(f"# who\n{SHARED_TOKEN}\n{OTHER_TOKEN}\n")
    known = tokens.of_file(path)
    clients = {known.client(token) for token in (SHARED_TOKEN, OTHER_TOKEN)}
    assert len(clients) == 2
    assert SHARED_TOKEN not in repr(known)
    assert known.client("another") is None
    assert known.client(None) is None
    path.write_text("short\n")
    with pytest.raises(UsageError, match="16 or more"):
        tokens.of_file(path)
