"""The worker on a machine that has little room."""

from __future__ import annotations

import errno
import sys

import numpy as np
import pytest

from tests.server.conftest import running
from unweave.core.files import advice
from unweave.server import app, room, worker
from unweave.server.live import Live, live_file
from unweave.types import Block


def test_jobs_wait_while_the_disk_is_nearly_full(tmp_path, clip, monkeypatch, capfd) -> None:
    monkeypatch.setattr(room, "LEAST_FREE", 10**18)
    monkeypatch.setattr(worker, "FULL_S", 0.05)
    with running(tmp_path) as found:
        client = found.client()
        job = client.submit(clip, model="hpss")
        events = client.events(job)
        now = next(events)
        assert (now["state"], now["waits_for"]) == ("queued", "disk")
        while "jobs wait for room" not in capfd.readouterr().err:
            pass
        assert client.job(job["id"])["state"] == "queued"
        monkeypatch.setattr(room, "LEAST_FREE", 0)
        assert client.wait(job)["state"] == "done"
        assert client.job(job["id"])["waits_for"] is None


def test_those_who_wait_are_told_when_the_disk_is_full(tmp_path, clip, monkeypatch) -> None:
    monkeypatch.setattr(app, "ROOM_S", 0.05)
    with running(tmp_path, works=False) as found:
        client = found.client()
        events = client.events(client.submit(clip, model="hpss"))
        assert next(events)["waits_for"] is None
        for least, word in ((10**18, "disk"), (0, None), (10**18, "disk")):
            monkeypatch.setattr(room, "LEAST_FREE", least)
            assert next(event for event in events if event["waits_for"] == word)


def test_what_a_worker_that_died_left_is_removed(tmp_path) -> None:
    left = live_file(tmp_path / "data" / "jobs" / "0123", "vocals")
    left.parent.mkdir(parents=True)
    left.touch()
    with running(tmp_path):
        while left.parent.exists():
            pass
        assert left.parent.parent.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="has no /dev/full")
def test_a_full_disk_is_told_as_one(tmp_path) -> None:
    live = Live(tmp_path, lambda *_: None)
    path = live_file(tmp_path, "vocals")
    path.parent.mkdir()
    path.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        live.block(Block(0, {"vocals": np.zeros((2, 100), np.float32)}))
    live.close()
    assert caught.value.errno == errno.ENOSPC
    assert "the disk is full" in advice(caught.value)
