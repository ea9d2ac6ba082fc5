"""What goes with time, and what stays."""

from __future__ import annotations

import json
import os
import time

import pytest

from tests.server.test_queue import NEW
from unweave.server import queue, retention, uploads
from unweave.server.refusals import Refused
from unweave.server.service import Service, service
from unweave.server.settings import Settings
from unweave.server.tokens import Tokens


@pytest.fixture
def made(tmp_path) -> Service:
    return service(Settings(data=tmp_path, keep_days=1, keep_bytes=1000), Tokens())


def finished(made: Service, key: str, days_ago: float, size: int, source: str = "") -> str:
    path = f"{made.settings.sources}/{source}/song.wav" if source else None
    task = {"path": path, "recording": path, "sha256": source or None, "files": {}}
    new = {**NEW, "key": key, "task": json.dumps(task)}
    id, _ = queue.add(made.database, "anna", new, most_waiting=99)
    assert queue.claim(made.database, "work")["id"] == id
    queue.end(made.database, id, "done", files=[], warnings=[], bytes=size)
    with made.database.writing() as connection:
        at = time.time() - days_ago * 24 * 3600
        connection.execute("UPDATE jobs SET finished_at = ? WHERE id = ?", (at, id))
    made.settings.job(id).mkdir()
    (made.settings.job(id) / "stem.wav").write_bytes(bytes(size))
    return id


def left(made: Service) -> set[str]:
    rows = {row["id"] for row in made.database.read("SELECT id FROM jobs")}
    assert rows == {path.name for path in made.settings.jobs_folder.iterdir()}
    return rows


def test_old_jobs_go_and_the_oldest_where_all_are_too_much(made) -> None:
    old = finished(made, "old", 2, 1)
    large, middle, new = (finished(made, f"{n}", n / 10, 400) for n in (3, 2, 1))
    assert left(made) == {old, large, middle, new}
    retention.tidy(made)
    assert left(made) == {middle, new}
    with pytest.raises(Refused):
        queue.find(made.database, "anna", old)


def test_a_recording_counts_once_and_with_what_is_made_of_it(made) -> None:
    folder = made.settings.sources / ("a" * 64)
    folder.mkdir()
    (folder / "song.wav").write_bytes(bytes(500))
    finished(made, "other", 0.3, 200)
    old, new = finished(made, "old", 0.2, 200, "a" * 64), finished(made, "new", 0.1, 200, "a" * 64)
    retention.tidy(made)
    assert left(made) == {old, new}
    (folder / "mix.f32").write_bytes(bytes(101))  # what was decoded of it counts, too
    retention.tidy(made)
    assert left(made) == {new}
    assert (folder / "song.wav").exists()


def test_what_waits_or_runs_stays_however_old(made) -> None:
    task = json.dumps({"path": None, "recording": None, "sha256": None, "files": {}})
    new = {**NEW, "key": "1", "task": task}
    id, _ = queue.add(made.database, "anna", new, most_waiting=9)
    with made.database.writing() as connection:
        connection.execute("UPDATE jobs SET created_at = 0")
    retention.tidy(made)
    assert queue.find(made.database, "anna", id)


def test_recordings_and_folders_of_nobody_go_after_a_while(made) -> None:
    finished(made, "1", 0, 1, "a" * 64)
    folders = [
        made.settings.sources / ("a" * 64),
        made.settings.sources / ("b" * 64),
        made.settings.jobs_folder / "nobody",
    ]
    for folder in folders:
        folder.mkdir()
    (made.settings.uploads / "nobody").touch()
    retention.tidy(made)
    assert all(folder.exists() for folder in folders)  # they may be in the making
    for path in (*folders, made.settings.uploads / "nobody"):
        os.utime(path, (0, 0))
    retention.tidy(made)
    assert [folder.exists() for folder in folders] == [True, False, False]
    assert not (made.settings.uploads / "nobody").exists()


def test_an_upload_goes_after_a_day_without_use(made) -> None:
    id = uploads.create(made, "anna", "a.wav", 100)
    retention.tidy(made)
    assert uploads.offset(made, id) == 0
    with made.database.writing() as connection:
        connection.execute("UPDATE uploads SET touched_at = touched_at - 100000")
    retention.tidy(made)
    with pytest.raises(Refused):
        uploads.find(made, "anna", id)
    assert not uploads.path(made, id).exists()


def test_one_client_does_not_fill_the_disk(made) -> None:
    uploads.create(made, "anna", "a.wav", 200)
    with pytest.raises(Refused, match="all that one client may"):
        uploads.create(made, "anna", "b.wav", 200)
    uploads.create(made, "bert", "b.wav", 200)


def test_the_description_has_every_address(made) -> None:
    from unweave.server.app import create_app

    document = create_app(made).openapi()
    paths = set(document["paths"])
    for path in ("/health", "/jobs", "/uploads/{id}", "/jobs/{id}/stems/{stem}.mp3", "/events"):
        assert f"/api/v1{path}" in paths
    assert document["components"]["schemas"]["Job"]["examples"]
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["description"], operation
