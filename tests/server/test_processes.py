"""The service as it is run: processes that are killed, and two on one folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import unweave
from tests import LONG
from tests.server.conftest import running
from unweave import Client
from unweave.errors import UsageError
from unweave.server import worker
from unweave.server.client import ServiceError


def test_two_on_one_folder_the_second_is_refused(tmp_path, say) -> None:
    with unweave_lock(tmp_path):
        said = say("serve", "--data", tmp_path, "--port", "0")
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert "another service runs on this folder" in said.err


@contextmanager
def unweave_lock(folder: Path) -> Iterator[None]:
    from unweave.core.lock import locked

    with locked(folder / "service.lock"):
        yield


def test_a_port_that_is_taken_and_settings_that_make_no_sense(tmp_path) -> None:
    with running(tmp_path, works=False) as found:
        port = int(found.address.rpartition(":")[2])
        with pytest.raises(UsageError, match="choose another --port"):
            unweave.serve(tmp_path / "other", port=port)
    with pytest.raises(UsageError, match="is no folder"):
        unweave.serve(tmp_path / "other", allow_paths=[tmp_path / "no"])
    with pytest.raises(UsageError, match="no kind 'x'"):
        unweave.serve(tmp_path / "other", kinds=("x",))


@contextmanager
def served(folder: Path, *more: str) -> Iterator[tuple[subprocess.Popen, Client]]:
    command = [sys.executable, "-m", "unweave", "serve", "--port", "0", "--data", folder, *more]
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        yield process, Client(address)
    finally:
        process.terminate()
        process.wait(300)
        process.stdout.close()


def workers(folder: Path) -> list[int]:
    """The process that holds the lock of the worker."""
    found = []
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) == str(folder / "worker.lock"):
                found.append(int(link.parts[2]))
        except OSError:
            continue
    return found


def running_job(client: Client, song: Path) -> dict:
    """A job that is at work and takes a while."""
    job = client.submit(song, model="hpss", format="wav")
    for now in client.events(job):
        if now["available_samples"] > 0:
            return now
    raise AssertionError(now)


@pytest.fixture
def long_song(tmp_path, make_wave) -> Path:
    import soundfile

    path = tmp_path / "long.wav"
    soundfile.write(path, make_wave(2, 44100 * 30).T, 44100, subtype="FLOAT")
    return path


@LONG
def test_a_killed_worker_loses_nothing(tmp_path, long_song) -> None:
    with served(tmp_path / "data") as (_, client):
        job = running_job(client, long_song)
        [first] = workers(tmp_path / "data")
        os.kill(first, signal.SIGKILL)
        done = client.wait(job)
        assert done["revision"] > job["revision"]
        assert workers(tmp_path / "data") not in ([], [first])
        client.download(done, tmp_path / "got")
    unweave.separate_file(long_song, tmp_path / "own", "hpss")
    for stem in ("harmonic", "percussive"):
        got = (tmp_path / "got" / f"{stem}.wav").read_bytes()
        assert got == (tmp_path / "own" / "long" / f"{stem}.wav").read_bytes()


@LONG
def test_a_killed_server_takes_its_worker_along_and_goes_on_later(tmp_path, long_song) -> None:
    data = tmp_path / "data"
    with served(data) as (process, client):
        job = running_job(client, long_song)
        process.kill()
        process.wait()
        with pytest.raises(ServiceError, match="does not answer"):
            client._json("GET", "/health")
    deadline = time.monotonic() + worker.PATIENCE_S
    while workers(data) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not workers(data)
    with served(data) as (_, client):
        assert client.wait(job["id"])["state"] == "done"
        [only] = client.jobs()
        assert only["id"] == job["id"]


@LONG
def test_a_server_that_is_told_to_stop_gives_the_job_back(tmp_path, long_song) -> None:
    data = tmp_path / "data"
    with served(data) as (process, client):
        job = running_job(client, long_song)
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 0
    assert not workers(data)
    with served(data) as (_, client):
        assert client.wait(job["id"])["state"] == "done"
