"""A job from its upload to its files, over HTTP."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

import unweave
from tests.server.conftest import OPTIONS, OTHER_TOKEN, SHARED_TOKEN
from unweave.server import queue
from unweave.server.client import ServiceError
from unweave.server.live import live_file


def test_the_files_are_those_of_the_python_function(at_work, done, clip, tmp_path) -> None:
    report = unweave.separate_file(clip, tmp_path / "own", **OPTIONS)
    paths = at_work.client().download(done, tmp_path / "got")
    assert [path.name for path in paths] == ["harmonic.wav", "percussive.wav", "report.json"]
    expected = {stem["stem"]: stem["sha256"] for stem in report["stems"]}
    for file, path in zip(done["files"], paths, strict=True):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]
        if file["stem"]:
            assert file["sha256"] == expected[file["stem"]]
            assert file["media_type"] == "audio/wav"
    assert done["source"]["name"] == clip.name
    assert done["progress"]["fraction"] == 1.0
    assert done["available_samples"] == done["source"]["samples"] == report["input"]["samples"]


def test_the_same_song_and_options_are_one_job(at_work, done, clip) -> None:
    with at_work.http() as http:
        upload = at_work.client().upload(clip)
        asked = {"kind": "separate", "source": {"upload": upload}, "options": OPTIONS}
        answer = http.post("/jobs", json=asked)
        assert (answer.status_code, answer.json()["id"]) == (200, done["id"])
        # A default that is said is no other request; another value is.
        asked["options"] = {**OPTIONS, "bit_depth": 32, "stems": "harmonic,percussive"}
        assert http.post("/jobs", json=asked).json()["id"] == done["id"]


def test_what_is_no_sound_is_refused_in_one_line(at_work, tmp_path) -> None:
    bad = tmp_path / "bad.mp3"
    bad.write_bytes(b"no sound at all" * 99)
    with pytest.raises(ServiceError) as caught:
        at_work.client().submit(bad)
    assert "bad.mp3" in str(caught.value)
    assert str(at_work.settings.data) not in str(caught.value)
    assert caught.value.status == 422


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"model": "no-such"}, "model"),
        ({"model": "/etc/passwd"}, "model"),
        ({"model": "hpss", "device": "cpu"}, "device"),
        ({"model": "hpss", "format": "exe"}, "format"),
        ({"model": "hpss", "window_s": "long"}, None),
        ({"model": "hpss", "filename_template": "/tmp/x"}, None),
        ({"model": "nmf", "dictionaries": "/etc/passwd"}, "dictionaries"),
        ({"model": "hpss", "window_s": {"path": "/etc/passwd"}}, "source"),
    ],
)
def test_an_option_that_there_is_not_is_named(at_work, clip, options, field) -> None:
    with at_work.http() as http:
        upload = at_work.client().upload(clip)
        asked = {"kind": "separate", "source": {"upload": upload}, "options": options}
        answer = http.post("/jobs", json=asked)
    assert answer.status_code in (400, 403)
    assert answer.json()["error"]["field"] == field
    assert "Traceback" not in answer.text


def test_a_job_that_is_asked_for_by_another_client_is_another(idle, clip) -> None:
    ids = {}
    for token in (SHARED_TOKEN, OTHER_TOKEN):
        job = idle.client(token).submit(clip, **OPTIONS)
        ids[token] = job["id"]
        assert (job["state"], job["queue_place"] is not None) == ("queued", True)
    assert ids[SHARED_TOKEN] != ids[OTHER_TOKEN]
    with idle.http(OTHER_TOKEN) as http:
        id = ids[SHARED_TOKEN]
        for answer in (
            http.get(f"/jobs/{id}"),
            http.delete(f"/jobs/{id}"),
            http.post(f"/jobs/{id}/cancel"),
            http.get(f"/jobs/{id}/events"),
            http.get(f"/jobs/{id}/files/report.json"),
            http.get(f"/jobs/{id}/stems/harmonic/pcm"),
        ):
            assert answer.status_code == 404
        assert id not in http.get("/jobs").text
    assert idle.client(SHARED_TOKEN).job(id)["state"] == "queued"


def test_cancelled_then_asked_for_again_then_removed(idle, clip) -> None:
    client = idle.client(SHARED_TOKEN)
    job = client.submit(clip, **OPTIONS, start=0.1)
    stopped = client.cancel(job)
    assert (stopped["state"], stopped["queue_place"]) == ("cancelled", None)
    assert stopped["revision"] > job["revision"]
    assert client.again(job)["state"] == "queued"
    assert client.cancel(job)["state"] == "cancelled"
    assert client.submit(clip, **OPTIONS, start=0.1)["state"] == "queued"
    client.remove(job)
    with pytest.raises(ServiceError, match="no such job"):
        client.job(job["id"])


def test_pages_of_jobs_hold_each_once(idle, clip) -> None:
    client = idle.client(OTHER_TOKEN)
    asked = [client.submit(clip, **OPTIONS, start=0.01 * n)["id"] for n in range(5)]
    with idle.http(OTHER_TOKEN) as http:
        found, cursor = [], None
        while True:
            page = http.get("/jobs", params={"limit": 2, **({"before": cursor} if cursor else {})})
            found += [job["id"] for job in page.json()["jobs"]]
            cursor = page.json()["next"]
            if cursor is None:
                break
        assert http.get("/jobs", params={"before": "x"}).status_code == 400
    assert len(found) == len(set(found))
    assert set(asked) <= set(found)


def test_a_running_job_is_heard_as_far_as_it_is(idle, clip) -> None:
    client = idle.client(SHARED_TOKEN)
    job = client.submit(clip, **OPTIONS, end=1.25)
    database, folder = idle.service.database, idle.settings.job(job["id"])
    while (row := queue.claim(database, "work"))["id"] != job["id"]:
        queue.end(database, row["id"], "failed", error={"code": "x", "message": "x"})
    wave = np.linspace(-1, 1, 2000, dtype="<f4").reshape(-1, 2)
    with idle.http(SHARED_TOKEN) as http:
        url = f"/jobs/{job['id']}/stems/harmonic/pcm"
        nothing = http.get(url)
        assert (nothing.status_code, nothing.headers["retry-after"]) == (202, "1")
        path = live_file(folder, "harmonic")
        path.parent.mkdir(parents=True)
        path.write_bytes(wave.tobytes())
        queue.progress(database, job["id"], done_s=0.05, total_s=1.25, available=900)
        part = http.get(url, params={"start": 800, "count": 500})
        assert (part.headers["x-count"], part.headers["x-gain-db"]) == ("100", "0.0")
        assert np.array_equal(np.frombuffer(part.content, "<f4").reshape(-1, 2), wave[800:900])
        assert http.get(url, params={"start": 900}).status_code == 202
        assert http.get(f"/jobs/{job['id']}/stems/other/pcm").status_code == 404
        now = http.get(f"/jobs/{job['id']}").json()
    assert (now["available_samples"], now["progress"]["fraction"]) == (900, 0.04)
    queue.end(database, job["id"], "failed", error={"code": "x", "message": "why"})
    with pytest.raises(ServiceError, match="why"):
        client.wait(job)


def test_events_tell_each_change_and_what_was_missed(idle, clip) -> None:
    client = idle.client(OTHER_TOKEN)
    job = client.submit(clip, **OPTIONS, start=0.5)

    def told(http, last: str | None, enough) -> list[tuple[str, str, dict]]:
        headers = {"Last-Event-ID": last} if last else {}
        found, words = [], {}
        with http.stream("GET", "/events", headers=headers) as answer:
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                words[name] = value
                if not line and "data" in words:
                    found.append((words["id"], words["event"], json.loads(words["data"])))
                    words = {}
                    if enough(found):
                        return found
        raise AssertionError

    with idle.http(OTHER_TOKEN) as http:
        first = told(http, None, lambda found: any(e[2]["id"] == job["id"] for e in found))
        client.cancel(job)
        client.remove(job)
        missed = told(http, first[-1][0], lambda found: found[-1][1] == "removed")
        assert missed[-1][2] == {"id": job["id"]}
        assert all(int(event[0]) > int(first[-1][0]) for event in missed)


def test_an_event_has_the_very_job(idle, clip) -> None:
    client, database = idle.client(OTHER_TOKEN), idle.service.database
    job = client.submit(clip, **OPTIONS, start=0.9)
    while (row := queue.claim(database, "work"))["id"] != job["id"]:
        queue.end(database, row["id"], "failed", error={"code": "x", "message": "x"})
    queue.end(database, job["id"], "failed", error={"code": "x", "message": "x"})
    *_, last = client.events(job)
    assert last == client.job(job["id"])
    assert last["error"] == {"code": "x", "message": "x", "field": None}


def test_events_of_one_job_end_with_it(idle, clip) -> None:
    client = idle.client(OTHER_TOKEN)
    job = client.submit(clip, **OPTIONS, start=0.7)
    url = f"/jobs/{job['id']}/events"
    with idle.http(OTHER_TOKEN) as http:
        with http.stream("GET", url) as answer:
            lines = answer.iter_lines()
            assert any('"state":"queued"' in line for line in lines)
            client.cancel(job)
            rest = list(lines)
        last = next(line for line in reversed(rest) if line.startswith("id: "))[4:]
        assert '"state":"cancelled"' in rest[-2]
        assert http.get(url, headers={"Last-Event-ID": last}).status_code == 204
        for strange in ("9" * 20, "x", "-1", "0"):
            assert "cancelled" in http.get(url, headers={"Last-Event-ID": strange}).text
        client.remove(job)
        assert http.get(url).status_code == 404
