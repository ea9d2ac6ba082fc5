"""A second run skips exactly what is finished, adds what is missing, and writes over nothing else.

Each report speaks for its own files: what a report says of a file is true of it, whatever was done
before and in whichever order.
"""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

import unweave
from tests.jobs.fakes import RATE_HZ, Share, asked, noise, write_noise
from unweave.api import separate_file
from unweave.core.atomic import sha256
from unweave.core.status import Status
from unweave.errors import OutputError
from unweave.jobs import prepare, run
from unweave.jobs.resume import State, look
from unweave.request import Execution, Output
from unweave.types import Audio

FAKED = pytest.mark.usefixtures("fake_model")
STEMS = ("vocals", "accompaniment")


class Silent:
    def started(self, job): ...
    def progress(self, job, progress): ...
    def finished(self, outcome): ...


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_noise(Path("song.wav"), seconds=0.5)
    return tmp_path


def go(request=None, overwrite=False, **facts):
    """Separate song.wav into out/song: the outcome."""
    request = request or asked(**facts)
    batch = prepare(["song.wav"], request, Path("out"), overwrite=overwrite)
    [outcome] = run(batch.jobs, request, Silent())
    check_reports()
    return outcome


def check_reports(folder: Path = Path("out/song")) -> None:
    """Every report is true of the files it names, and no two reports name one file."""
    named = []
    for path in folder.glob("report*.json"):
        for item in json.loads(path.read_text()).get("stems", ()):
            file = folder / item["path"]
            assert sha256(file) == item["sha256"], (path, file)
            named.append(file)
    assert len(named) == len(set(named))


def names() -> list[str]:
    return sorted(path.name for path in Path("out/song").iterdir())


def content() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path("out/song").iterdir()}


@pytest.fixture
def done(here, fake_model):
    """A finished job and its request."""
    batch = prepare(["song.wav"], asked(options={"bandwidth": "full"}), Path("out"))
    [outcome] = run(batch.jobs, batch.request, Silent())
    assert outcome.report, outcome.error
    return batch.jobs[0], batch.request


def change_report(job, change) -> None:
    """Change the report's facts, but not its date."""
    date = job.report.stat()
    document = json.loads(job.report.read_text())
    change(document)
    job.report.write_text(json.dumps(document))
    os.utime(job.report, ns=(date.st_atime_ns, date.st_mtime_ns))


def test_finished(done):
    found = look(*done)
    assert (found.state, found.why) == (State.UP_TO_DATE, "")
    assert found.report == json.loads(done[0].report.read_text())


def test_new_where_nothing_lies(done):
    job, request = done
    for file in job.files:
        file.unlink()
    assert look(job, request).state is State.NEW


@FAKED
@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"model": "repet"}, "spleeter-2stems, now repet"),
        ({"options": {"bandwidth": "model"}}, "bandwidth=.*now model"),
        ({"options": {"wiener": 1}}, "wiener=.*now 1"),
        ({"bit_depth": 16}, "bit depth 32, now 16"),
        ({"format": "flac"}, None),
    ],
)
def test_another_request_adds_its_files_or_says_what_differs(here, other, why):
    go()
    before = content()
    outcome = go(**other)
    if why is None:
        assert outcome.status is Status.DONE, outcome.error
        assert outcome.report_path == Path("out/song/report-2.json")
    else:
        assert outcome.status is Status.FAILED
        assert "out/song/vocals.wav is there, made with" in outcome.error
        assert "--overwrite" in outcome.error
        assert re.search(why, outcome.error)
        assert content() == before
    assert before.items() <= content().items()  # nothing of the first is touched
    assert go().status is Status.SKIPPED


def test_the_default_depth_said_aloud_is_the_same(done):
    job, request = done
    again = replace(request, output=Output(format="wav", bit_depth=32))
    assert look(job, again).state is State.UP_TO_DATE


def test_where_it_ran_does_not_matter(done):
    job, request = done
    execution = Execution(device="cpu", batch=3, max_memory_mb=9999)
    elsewhere = replace(request, execution=execution)
    assert look(job, elsewhere).state is State.UP_TO_DATE


def remove_report(job):
    job.report.unlink()


def truncate_report(job):
    job.report.write_bytes(job.report.read_bytes()[:-40])


def empty_report(job):
    job.report.write_text("{}")


def report_that_lacks_a_field(job):
    change_report(job, lambda document: document["input"].pop("sample_rate_hz"))


def report_of_a_newer_version(job):
    change_report(job, lambda document: document.update(schema_version=99))


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
    ("harm", "why"),
    [
        (remove_report, "no report says"),
        (truncate_report, "no report says"),
        (empty_report, "no report says"),
        (report_that_lacks_a_field, "of another version"),
        (report_of_a_newer_version, "of another version"),
        (truncate_stem, "changed since"),
        (change_stem_later, "changed since"),
        (change_recording, "another recording"),
        (other_stems, "no report says"),
    ],
)
def test_what_is_not_as_an_equal_request_left_it_is_in_the_way(done, harm, why):
    job, request = done
    harm(job)
    found = look(job, request)
    assert found.state is State.CONFLICT
    assert why in found.why


def test_a_stem_that_is_gone_is_made_again_beside_its_unchanged_brother(done):
    job, request = done
    before = content()
    job.outputs["vocals"].unlink()
    [outcome] = run([job], request, Silent())
    assert outcome.status is Status.DONE
    assert content().keys() == before.keys()
    assert content()["vocals.wav"] == before["vocals.wav"]


def test_a_copy_with_newer_dates_is_still_finished(done):
    job, request = done
    later = job.report.stat().st_mtime_ns + 10**9
    os.utime(job.outputs["vocals"], ns=(later, later))
    assert look(job, request).state is State.UP_TO_DATE


@FAKED
@pytest.mark.parametrize(
    ("later", "words"),
    [
        (lambda request: replace(request, engine_revision=99), "revision 2 of the engine, now 99"),
        (
            lambda request: replace(request, separator=replace(request.separator, revision=99)),
            "revision 1 of spleeter-2stems, now 99",
        ),
    ],
)
def test_a_revision_that_gives_other_bytes_is_another_request(here, later, words):
    go()
    request = later(asked())
    outcome = go(request)
    assert outcome.status is Status.FAILED
    assert f"made with {words}" in outcome.error
    assert go(request, overwrite=True).status is Status.DONE
    assert go(request).status is Status.SKIPPED


@FAKED
def test_the_version_of_unweave_alone_does_not_matter(here, monkeypatch):
    go()
    monkeypatch.setattr(unweave, "__version__", "9.9", raising=False)
    assert go().status is Status.SKIPPED


def test_an_options_file_counts_by_its_content(here):
    def clean(**facts):
        return go(model="spectral-subtraction", options={"noise": "n.wav"}, **facts)

    write_noise(Path("n.wav"), seconds=0.5, seed=1)
    assert clean().status is Status.DONE
    os.rename("n.wav", "m.wav")
    same = go(model="spectral-subtraction", options={"noise": "m.wav"})
    assert same.status is Status.SKIPPED  # wherever it lies
    write_noise(Path("n.wav"), seconds=0.5, seed=2)
    outcome = clean()
    assert outcome.status is Status.FAILED
    assert f"other content of {here / 'n.wav'} (option noise)" in outcome.error
    old = content()
    assert clean(overwrite=True).status is Status.DONE
    assert content()["signal.wav"] != old["signal.wav"]
    assert clean().status is Status.SKIPPED


@FAKED
@pytest.mark.parametrize("format", ["wav", "mp3"])
def test_stems_that_are_asked_for_one_after_the_other(here, format):
    assert go(stems=["vocals"], format=format).status is Status.DONE
    assert go(stems=["accompaniment"], format=format).status is Status.DONE
    files = [f"accompaniment.{format}", "report-2.json", "report.json", f"vocals.{format}"]
    assert names() == files
    both = go(format=format)  # one report for both
    assert (both.status, both.report_path) == (Status.DONE, Path("out/song/report.json"))
    assert names() == [name for name in files if name != "report-2.json"]
    assert go(stems=["vocals"], format=format).status is Status.SKIPPED


@FAKED
def test_stems_that_share_a_gain_are_not_mixed_with_those_of_another_run(here):
    assert go(stems=["vocals"], bit_depth=16).status is Status.DONE
    outcome = go(bit_depth=16)
    assert outcome.status is Status.FAILED
    assert "one gain for vocals, now for vocals, accompaniment" in outcome.error
    assert go(bit_depth=16, overwrite=True).status is Status.DONE
    assert go(bit_depth=16).status is Status.SKIPPED


@FAKED
def test_formats_lie_beside_each_other(here):
    assert go().status is Status.DONE
    wav = content()
    assert go(format="flac", stems=["accompaniment"]).status is Status.DONE
    assert wav.items() <= content().items()
    assert [go().status, go(format="flac", stems=["accompaniment"]).status] == [Status.SKIPPED] * 2


@FAKED
def test_what_overwrite_leaves_of_a_report_still_speaks_for_the_other_stems(here):
    go()
    other = go(stems=["vocals"], options={"wiener": 1}, overwrite=True)
    assert other.report_path == Path("out/song/report-2.json")
    left = json.loads(Path("out/song/report.json").read_text())
    assert [item["stem"] for item in left["stems"]] == ["accompaniment"]
    assert left["request"]["stems"] == list(STEMS)
    assert go(stems=["accompaniment"]).status is Status.SKIPPED
    assert go(stems=["vocals"], options={"wiener": 1}).status is Status.SKIPPED
    assert go().status is Status.FAILED  # the vocals are another run's
    assert go(overwrite=True).status is Status.DONE
    assert names() == ["accompaniment.wav", "report.json", "vocals.wav"]


@FAKED
@pytest.mark.parametrize("changed", [False, True])
def test_overwrite_removes_stems_of_another_recording(here, changed):
    go()
    write_noise(Path("song.wav"), seconds=0.4)
    rest = Path("out/song/accompaniment.wav")
    if changed:  # somebody's own by now: it stays
        rest.write_bytes(b"mine")
    batch = prepare(["song.wav"], asked(stems=["vocals"]), Path("out"), overwrite=True)
    [outcome] = run(batch.jobs, batch.request, Silent())
    assert outcome.status is Status.DONE
    assert rest.exists() == changed
    if not changed:
        assert names() == ["report.json", "vocals.wav"]
        check_reports()


@FAKED
def test_a_report_that_names_a_file_elsewhere_takes_nothing_there(here):
    go()
    write_noise(Path("song.wav"), seconds=0.4)
    report, mine = Path("out/song/report.json"), Path("mine.wav")
    mine.write_bytes(Path("out/song/accompaniment.wav").read_bytes())
    document = json.loads(report.read_text())
    document["stems"][1]["path"] = "../../mine.wav"
    report.write_text(json.dumps(document))
    assert go(stems=["vocals"], overwrite=True).status is Status.DONE
    assert mine.exists()


@FAKED
def test_a_stem_that_is_separated_itself_stays(here):
    go()
    rest = Path("out/song/accompaniment.wav")
    batch = prepare([rest], asked(stems=["vocals"]), Path("out/song"), overwrite=True,
                    template="{stem}.{ext}")  # fmt: skip
    [outcome] = run(batch.jobs, batch.request, Silent())
    assert (outcome.status, rest.exists()) == (Status.DONE, True)


@FAKED
def test_somebody_elses_report_stays(here):
    Path("out/song").mkdir(parents=True)
    Path("out/song/report.json").write_text('{"title": "of mine"}')
    assert go().report_path == Path("out/song/report-2.json")
    assert go().status is Status.SKIPPED
    assert Path("out/song/report.json").read_text() == '{"title": "of mine"}'


@pytest.mark.parametrize("format", ["wav", "flac"])
def test_a_separator_in_memory_is_never_taken_for_another(here, format):
    def separate(share, **facts):
        return separate_file("song.wav", "out", Share(share=share), format=format, **facts)

    first = separate(0.25)
    assert first["identity"] is None
    for share in (0.25, 0.5):
        with pytest.raises(OutputError, match="made with spleeter-2stems from memory"):
            separate(share)
    second = separate(0.5, overwrite=True)
    assert second["stems"][0]["sha256"] != first["stems"][0]["sha256"]
    check_reports()


def test_sound_in_memory_is_never_taken_for_another(here):
    def clean(seed, **facts):
        sound = Audio(noise(0.5, seed=seed), RATE_HZ, "n.wav")
        return separate_file("song.wav", "out", "spectral-subtraction", noise=sound, **facts)

    clean(1)
    with pytest.raises(OutputError, match="from memory"):
        clean(1)
    clean(2, overwrite=True)
    check_reports()


@FAKED
@pytest.mark.parametrize(
    "nonsense",
    ["{", "[]", "null", '{"unweave": "0.1", "stems": [{}]}', '{"unweave": 1, "stems": 2}'],
)
def test_one_bad_report_costs_only_its_own_file(here, nonsense):
    write_noise(Path("v.wav"), seconds=0.5, seed=3)
    assert go().status is Status.DONE
    Path("out/song/report.json").write_text(nonsense)
    batch = prepare(["song.wav", "v.wav"], asked(), Path("out"))
    outcomes = run(batch.jobs, batch.request, Silent())
    assert [outcome.status for outcome in outcomes] == [Status.FAILED, Status.DONE]
    assert "no report says what it is" in outcomes[0].error
