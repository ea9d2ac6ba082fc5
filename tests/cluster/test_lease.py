"""One holder at a time, whoever dies, sleeps or comes late."""

import json
import threading

import pytest

from unweave.cluster import lease, places
from unweave.cluster.catalogue import Catalogue
from unweave.cluster.lease import held
from unweave.cluster.outage import StoreError
from unweave.errors import Cancelled, UsageError


class Busy(Exception):
    pass


def busy(who):
    raise Busy(who)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(lease, "BEAT_S", 0.02)
    monkeypatch.setattr(lease, "LEASE_S", 0.4)


@pytest.fixture
def elsewhere(monkeypatch):
    """The holders are on another machine: their marks are not here."""
    monkeypatch.setattr(lease, "_is_dead_here", lambda token: False)


def test_two_do_not_hold_at_once_and_one_after_the_other_do(store, quick):
    with held(f"{store}/locks", busy) as lost:
        with pytest.raises(Busy, match="process"), held(f"{store}/locks", busy):
            pytest.fail("two hold")
        assert not lost()
    with held(f"{store}/locks", busy):
        pass
    assert len(places.names(f"{store}/locks")) == 1


@pytest.mark.parametrize("round_", range(3))
def test_of_many_that_come_together_one_holds(store, quick, round_):
    inside, most, refused, lock = 0, 0, 0, threading.Lock()
    start = threading.Barrier(6)
    leave = threading.Event()

    def come():
        nonlocal inside, most, refused
        start.wait()
        try:
            with held(f"{store}/locks", busy):
                with lock:
                    inside += 1
                    most = max(most, inside)
                leave.wait(20)
                with lock:
                    inside -= 1
        except Busy:
            with lock:
                refused += 1
                if refused == 5:
                    leave.set()

    threads = [threading.Thread(target=come) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, refused) == (1, 5)


def dead(store, **facts):
    """A holder that renews nothing any more."""
    document = {"token": "0" * 32, "beats": 3, "ended": False, "machine": "m", "pid": 7, **facts}
    places.create(f"{store}/locks/000000004.json", json.dumps(document).encode())


def test_a_holder_that_renews_nothing_is_followed(store, quick):
    dead(store)
    with held(f"{store}/locks", busy):
        assert places.names(f"{store}/locks") == ["000000005.json"]


def test_a_holder_that_died_on_this_machine_is_not_waited_for(store, monkeypatch):
    monkeypatch.setattr(lease, "LEASE_S", 1e6)
    token = "ab" * 16
    lease._here(token).touch()  # the kernel unlocks it when its holder dies
    dead(store, token=token)
    with held(f"{store}/locks", busy):
        pass
    assert not lease._here(token).exists()


def test_a_token_is_no_path(store, quick, tmp_path):
    victim = tmp_path / "victim"
    victim.touch()
    dead(store, token=f"/../..{victim}")
    with held(f"{store}/locks", busy):
        pass
    assert victim.exists()


def test_damage_is_not_waited_for(store, monkeypatch):
    monkeypatch.setattr(lease, "LEASE_S", 1e6)
    places.write(f"{store}/locks/000000001.json", b"{no")
    with held(f"{store}/locks", busy):
        pass


def test_who_waits_can_be_stopped(store, monkeypatch):
    monkeypatch.setattr(lease, "LEASE_S", 1e6)
    dead(store)
    with pytest.raises(Cancelled), held(f"{store}/locks", busy, lambda: True):
        pytest.fail("it is held")


def test_a_holder_that_slept_too_long_finds_that_it_lost(store, quick, elsewhere, monkeypatch):
    real, asleep = lease._Holder.beat, threading.Event()
    first = []

    def beat(self):
        first[:] = first or [self]
        if self is first[0] and asleep.is_set():
            raise StoreError("out of reach")
        return real(self)

    monkeypatch.setattr(lease._Holder, "beat", beat)
    with held(f"{store}/locks", busy) as lost:
        asleep.set()
        with held(f"{store}/locks", busy) as lost_too:
            asleep.clear()
            ends = threading.Event()
            for _ in range(200):
                if lost() or ends.wait(0.02):
                    break
            assert lost()
            assert not lost_too()
    # It left the other's lock as it was.
    assert places.names(f"{store}/locks") == ["000000002.json"]


def test_a_catalogue_in_a_store_has_one_run_at_a_time(store, quick):
    catalogue = Catalogue(f"{store}/cat")
    with catalogue.held("run-a"), catalogue.held("scan"):
        words = r"process \d+ of .* is at it; wait for its end"
        with pytest.raises(UsageError, match=words), catalogue.held("run-a"):
            pytest.fail("two hold")
