"""What is done while a store is away: only that is repeated, with growing pauses, up to a limit."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unweave.cluster import outage, places
from unweave.cluster.outage import LONGEST_S, StoreError, is_outage, patiently
from unweave.errors import InputError, OutputError


class EndpointConnectionError(Exception):
    """As botocore's, which is no OSError."""


class HttpError(Exception):
    def __init__(self, code):
        self.code = code


AWAY = [
    TimeoutError(),
    ConnectionResetError(errno.ECONNRESET, "reset"),
    OSError(errno.EBUSY, "Please reduce your request rate."),
    OSError(errno.EREMOTEIO, "internal error"),
    EndpointConnectionError("no"),
    HttpError(503),
    HttpError(429),
]
THERE = [
    FileNotFoundError(errno.ENOENT, "none"),
    PermissionError("expired"),
    OSError(errno.EINVAL, "wrong"),
    OSError(errno.ENOSPC, "full"),
    HttpError(404),
    HttpError(200),
    ValueError("damaged"),
]


@pytest.mark.parametrize("error", AWAY, ids=repr)
def test_a_store_that_is_away_is_told_from_what_it_has(error):
    assert is_outage(error)
    for kind in (InputError, OutputError):
        words = "s3://a/b: the store does not answer"
        with pytest.raises(StoreError, match=words), places.told("s3://a/b", kind):
            raise error


@pytest.mark.parametrize("error", THERE, ids=repr)
def test_what_a_store_says_is_no_outage(error):
    assert not is_outage(error)
    words = "s3://a/b: cannot be read"
    with pytest.raises(InputError, match=words), places.told("s3://a/b", InputError):
        raise error


def test_a_disk_is_no_store():
    with pytest.raises(OutputError), places.told("/a/b", OutputError):
        raise OSError(errno.EBUSY, "busy")


class Clock:
    def __init__(self, monkey):
        self.now_s, self.pauses_s = 0.0, []
        monkey.setattr(outage.time, "monotonic", lambda: self.now_s)

    def __call__(self, seconds):
        self.pauses_s.append(seconds)
        self.now_s += seconds
        return False


@given(fails=st.integers(0, 30))
def test_a_call_is_repeated_until_it_works(fails):
    with pytest.MonkeyPatch.context() as monkey:
        clock, left = Clock(monkey), fails

        def call():
            nonlocal left
            left -= 1
            if left >= 0:
                raise StoreError("away")
            return "here"

        assert patiently(call, clock) == "here"
    assert len(clock.pauses_s) == fails
    assert all(
        least / 2 <= pause <= least
        for least, pause in zip((1, 2, 4, 8, 16), clock.pauses_s, strict=False)
    )
    assert max(clock.pauses_s, default=0) <= outage.LAST_PAUSE_S


@given(longest_s=st.sampled_from([0.0, 5.0, LONGEST_S]))
def test_a_store_that_stays_away_ends_it(longest_s):
    with pytest.MonkeyPatch.context() as monkey:
        clock = Clock(monkey)

        def call():
            raise StoreError("away")

        with pytest.raises(StoreError):
            patiently(call, clock, longest_s)
    assert longest_s < clock.now_s or longest_s == 0.0
    assert clock.now_s < longest_s + outage.LAST_PAUSE_S + 1


def test_a_stop_ends_the_waiting(monkeypatch):
    asked = 0

    def should_stop():
        nonlocal asked
        asked += 1
        return asked > 2

    monkeypatch.setattr(outage, "LOOK_S", 0.0)

    def call():
        raise StoreError("away")

    with pytest.raises(StoreError):
        patiently(call, outage.sleeping(should_stop))
    assert 2 < asked < 6


def test_other_errors_are_not_repeated():
    calls = []

    def call():
        calls.append(1)
        raise InputError("damaged")

    with pytest.raises(InputError):
        patiently(call, lambda seconds: False)
    assert len(calls) == 1


def test_a_host_of_a_list_is_waited_for_less():
    assert places.patience_s("http://host/a.mp3") < places.patience_s("s3://a/b") == LONGEST_S
