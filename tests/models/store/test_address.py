"""Files come whole and right from servers that are slow, cut, lie, redirect or ask to log in."""

import hashlib
import random
import socket
import time
from email.utils import formatdate

import pytest

from tests.models.store import servers
from unweave.errors import Cancelled, WeightsError
from unweave.models import cards
from unweave.models.store.sources import address
from unweave.models.store.sources.files import kept

BODY = random.Random(5).randbytes(50_000)
SIZE = len(BODY)
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with servers.running(BODY) as running:
        yield running


@pytest.fixture
def pauses(monkeypatch):
    """The seconds that were waited, without the waiting."""
    found = []
    monkeypatch.setattr(address, "_wait", lambda pause_s, *_: found.append(pause_s))
    return found


@pytest.fixture
def get(server, tmp_path, pauses):
    """A function that fetches `/a/file.th`, checks it, and gives the requests that it took."""

    def get(script=(), size_bytes=SIZE, sha256=SHA256, mirrors=(), count=lambda *_: None):
        server.script[:] = script
        source = cards.Source(
            reader="torch-zip",
            url=f"{server.address}/a/file.th",
            mirrors=tuple(f"{server.address}/{mirror}" for mirror in mirrors),
            sha256=sha256,
            size_bytes=size_bytes,
        )
        asked = len(server.asked)
        (path,) = address.fetch(source, tmp_path / "cache", count)
        assert path.read_bytes() == BODY
        assert path.name == f"{sha256[:12]}-file.th"
        assert list(path.parent.iterdir()) == [path]
        return server.asked[asked:]

    return get


def left(tmp_path):
    return sorted(path.name for path in (tmp_path / "cache").iterdir())


def refused(get, script, match, **facts):
    with pytest.raises(WeightsError, match=match) as caught:
        get(script, **facts)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("size_bytes", [len(BODY), 0])
def test_a_file_comes_whole_with_its_progress(get, size_bytes):
    seen = []
    asked = get(size_bytes=size_bytes, count=lambda *done: seen.append(done))
    assert asked == [("/a/file.th", None, None)]
    assert seen == sorted(seen)
    assert seen[-1] == (len(BODY), len(BODY))


@pytest.mark.parametrize("size_bytes", [len(BODY), 0])
def test_after_a_cut_the_rest_is_fetched(get, pauses, size_bytes):
    cuts = [servers.cut(10_000), servers.cut(20_000)]
    asked = get(cuts, size_bytes=size_bytes)
    assert [span for _, span, _ in asked] == [None, "bytes=10000-", "bytes=30000-"]
    assert [version for *_, version in asked] == [None, servers.ETAG, servers.ETAG]
    assert pauses == [1, 2]


def test_headway_is_not_counted_as_failure(get, pauses, monkeypatch):
    monkeypatch.setattr(address, "HEADWAY_BYTES", 4_000)
    assert len(get([servers.cut(4_000)] * 12)) == 13
    assert pauses == []


def test_a_file_that_changed_after_the_cut_is_fetched_whole(get, server):
    """What came first is of another version, so that the server sends all of it."""

    def cut_old(request):
        request.server.body = BODY[::-1]
        servers.cut(10_000)(request)
        request.server.body = BODY

    asked = get([cut_old, servers.other(BODY)])
    assert asked[1][1:] == ("bytes=10000-", servers.ETAG)


def test_a_server_without_ranges_sends_all_again(get):
    assert len(get([servers.cut(10_000), servers.whole()])) == 2


def test_another_part_than_was_asked_for_is_not_taken(get):
    def shifted(request):
        request.head(206, len(BODY) - 1, Content_Range=f"bytes 1-{len(BODY) - 1}/{len(BODY)}")
        request.send(BODY[1:])

    assert [span for _, span, _ in get([servers.cut(10_000), shifted])][2] is None


@pytest.fixture
def part(tmp_path):
    """A function that leaves behind what a killed process may have."""

    def part(content):
        name = kept(cards.File(path="file.th", reader="torch-zip", sha256=SHA256))
        (tmp_path / "cache").mkdir()
        (tmp_path / "cache" / f"{name}.part").write_bytes(content)

    return part


def test_what_is_complete_already_is_not_asked_for(get, part):
    part(BODY)
    assert get() == []


@pytest.mark.parametrize(
    "wrong",
    [b"x" * 10_000, b"x" * len(BODY), BODY + b"x", BODY[:-1] + b"x", BODY[1:20_000]],
)  # fmt: skip
@pytest.mark.parametrize("size_bytes", [len(BODY), 0])
def test_a_wrong_part_is_never_trusted(get, part, wrong, size_bytes):
    part(wrong)
    assert get(size_bytes=size_bytes)[-1][1] is None


@pytest.mark.parametrize(
    ("act", "pause_s"),
    [
        (servers.status(429), 1),
        (servers.status(429, Retry_After="7"), 7),
        (servers.status(503, Retry_After="soon"), 1),
        (servers.status(500), 1),
        (servers.status(502), 1),
        (servers.status(408), 1),
    ],
)
def test_a_busy_server_is_asked_again_after_a_pause(get, pauses, act, pause_s):
    assert len(get([act])) == 2
    assert pauses == [pause_s]


def test_a_date_says_when_to_come_back(get, pauses):
    get([servers.status(503, Retry_After=formatdate(time.time() + 20, usegmt=True))])
    assert 15 < pauses[0] <= 20


def test_pauses_double_until_it_is_enough(get, pauses, server):
    said = refused(get, [servers.status(503)] * 9, "HTTP 503 Service Unavailable")
    assert pauses == [1, 2, 4, 8]
    assert len(server.asked) == 5
    assert server.address in said


def test_a_server_that_wants_an_hour_is_left_alone(get, pauses):
    refused(get, [servers.status(429, Retry_After="3600")], "429 .*come back in 3600 s")
    assert pauses == []


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 416])
def test_what_is_not_there_is_asked_for_once(get, server, tmp_path, code):
    refused(get, [servers.status(code)], f"file.th: HTTP {code}")
    assert len(server.asked) == 1
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("act", "match"),
    [
        (servers.page, "a web page is there instead of the file, perhaps a login"),
        (servers.promising(60_000), "it has 60000 bytes instead of 50000"),
        (servers.promising(40_000), "it has 40000 bytes instead of 50000"),
        (servers.endless, "more than the expected 50000 bytes"),
        (servers.other(BODY[:-1] + b"x"), "another file is there: its SHA-256 [0-9a-f]{12}... is"),
        (servers.status(302, Location="file:///etc/passwd"), "HTTP 302"),
    ],
)
def test_another_content_is_refused_and_leaves_nothing(get, tmp_path, act, match):
    refused(get, [act], match)
    assert left(tmp_path) == []


def test_a_length_that_is_never_kept_ends(get, tmp_path, pauses):
    refused(get, [servers.promising(60_000)] * 9, "after 50000 of 60000 bytes|416", size_bytes=0,
            sha256="0" * 64)  # fmt: skip
    assert len(pauses) < address.ROUNDS


def test_redirects_are_followed(get):
    moved = servers.status(302, Location="/elsewhere")
    assert [path for path, *_ in get([moved, servers.cut(9), moved])] == [
        "/a/file.th", "/elsewhere", "/a/file.th", "/elsewhere",
    ]  # fmt: skip


def test_a_circle_of_redirects_ends(get):
    refused(get, [servers.status(302, Location="/a/file.th")] * 20, "HTTP 302 .*infinite loop")


def test_mirrors_are_tried_in_order(get):
    asked = get([servers.status(404), servers.page], mirrors=("b", "c"))
    assert [path for path, *_ in asked] == ["/a/file.th", "/b", "/c"]


def test_a_mirror_goes_on_where_the_first_was_cut(get, pauses):
    asked = get([servers.cut(10_000)], mirrors=("b",))
    assert asked == [("/a/file.th", None, None), ("/b", "bytes=10000-", None)]
    assert pauses == []


def test_every_address_is_named_with_its_reason(get, server):
    said = refused(get, [servers.status(404), servers.page], "404", mirrors=("b",))
    assert said == (
        f"{server.address}/a/file.th: HTTP 404 Not Found; "
        f"{server.address}/b: a web page is there instead of the file, perhaps a login"
    )


def test_a_server_that_says_nothing_is_not_waited_for_long(get, monkeypatch):
    monkeypatch.setattr(address, "TIMEOUT_S", 0.05)
    assert len(get([servers.slowly(0.3, 2)])) == 2
    refused(get, [servers.slowly(0.3, 2)] * 9, "no answer within 0.05 s", sha256="0" * 64)


def test_a_slow_server_is_waited_for(get):
    assert len(get([servers.slowly(0.01, 10)])) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/f", "http://nowhere.invalid/f"])
def test_a_server_that_is_not_there_is_one_line(tmp_path, monkeypatch, url):
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = url.format(port=free.getsockname()[1])
    source = cards.Source(reader="torch-zip", url=url, sha256=SHA256)
    started = time.monotonic()
    with pytest.raises(WeightsError, match=r"refused|no such server, or no network") as caught:
        address.fetch(source, tmp_path / "cache", lambda *_: None)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - started < address.PAUSE_S * address.ROUNDS


def test_the_proxy_of_the_environment_is_used(server, tmp_path, monkeypatch):
    monkeypatch.delenv("no_proxy")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("http_proxy", server.address)
    source = cards.Source(reader="torch-zip", url="http://weights.invalid/f", sha256=SHA256)
    (path,) = address.fetch(source, tmp_path / "cache", lambda *_: None)
    assert path.read_bytes() == BODY
    assert server.asked[0][0] == "http://weights.invalid/f"


def test_what_was_interrupted_goes_on_the_next_time(get, tmp_path, monkeypatch):
    monkeypatch.setattr(address, "CHUNK_BYTES", 10_000)

    def stop(done, _):
        if done >= 20_000:
            raise Cancelled("interrupted")

    with pytest.raises(Cancelled):
        get(count=stop)
    assert [name.partition("-")[2] for name in left(tmp_path)] == [
        "file.th.part",
        "file.th.part.json",
    ]
    assert get()[0][1] == "bytes=20000-"


def test_a_pause_can_be_interrupted():
    def stop(*_):
        raise Cancelled("interrupted")

    file = cards.File(path="f", reader="torch-zip", sha256=SHA256)
    with pytest.raises(Cancelled):
        address._wait(60, 0, file, stop)
