"""A second run skips exactly what is finished."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.apps.fakes import write_noise
from unweave.apps.batch import Settings, prepare, run
from unweave.apps.batch.finished import State, state

pytestmark = pytest.mark.usefixtures("fake_model")


class Silent:
    def started(self, job): ...
    def progress(self, job, progress): ...
    def finished(self, outcome): ...


@pytest.fixture
def done(tmp_path, monkeypatch):
    """A finished job and its settings."""
    monkeypatch.chdir(tmp_path)
    write_noise(Path("song.wav"))
    batch = prepare(["song.wav"], Settings(options={"bandwidth": "full"}), Path("out"))
    [outcome] = run(batch.jobs, batch.settings, Silent())
    assert outcome.report, outcome.error
    return batch.jobs[0], batch.settings


def change_report(job, change) -> None:
    """Change the report's facts, but not its date."""
    date = job.report.stat()
    document = json.loads(job.report.read_text())
    change(document)
    job.report.write_text(json.dumps(document))
    os.utime(job.report, ns=(date.st_atime_ns, date.st_mtime_ns))


def test_finished(done):
    found, report, why = state(*done)
    assert (found, why) == (State.FINISHED, "")
    assert report == json.loads(done[0].report.read_text())


def test_new_where_nothing_lies(done):
    job, settings = done
    for file in job.files:
        file.unlink()
    assert state(job, settings)[0] is State.NEW


@pytest.mark.parametrize(
    "other",
    [
        {"model": "another"},
        {"options": {}},
        {"options": {"bandwidth": "model"}},
        {"options": {"bandwidth": "full", "wiener": 1}},
        {"seed": 1},
        {"bit_depth": 16},
        {"format": "flac"},
    ],
)
def test_other_settings_are_in_the_way(done, other):
    job, settings = done
    found, report, why = state(job, replace(settings, **other))
    assert (found, report) == (State.IN_THE_WAY, None)
    assert why.startswith("holds stems")


def test_the_default_depth_said_aloud_is_the_same(done):
    job, settings = done
    assert state(job, replace(settings, bit_depth=32))[0] is State.FINISHED


def test_where_it_ran_does_not_matter(done):
    job, settings = done
    elsewhere = replace(settings, device="cpu", batch=3, max_memory_mb=9999)
    assert state(job, elsewhere)[0] is State.FINISHED


def remove_stem(job):
    job.outputs["vocals"].unlink()


def remove_report(job):
    job.report.unlink()


def truncate_report(job):
    job.report.write_bytes(job.report.read_bytes()[:-40])


def empty_report(job):
    job.report.write_text("{}")


def truncate_stem(job):
    with job.outputs["vocals"].open("r+b") as file:
        file.truncate(1000)


def change_stem_later(job):
    file = job.outputs["vocals"]
    file.write_bytes(bytes(file.stat().st_size))
    later = job.report.stat().st_mtime_ns + 10**9
    os.utime(file, ns=(later, later))


def change_recording(job):
    data = bytearray(job.source.read_bytes())
    data[-1] ^= 1
    job.source.write_bytes(data)


def other_stems(job):
    change_report(job, lambda document: document["stems"].pop())


@pytest.mark.parametrize(
    "harm",
    [
        remove_stem,
        remove_report,
        truncate_report,
        empty_report,
        truncate_stem,
        change_stem_later,
        change_recording,
        other_stems,
    ],
)
def test_what_is_not_whole_is_in_the_way(done, harm):
    job, settings = done
    harm(job)
    assert state(job, settings)[0] is State.IN_THE_WAY


def test_a_copy_with_newer_dates_is_still_finished(done):
    job, settings = done
    later = job.report.stat().st_mtime_ns + 10**9
    os.utime(job.outputs["vocals"], ns=(later, later))
    assert state(job, settings)[0] is State.FINISHED
