"""`verify` tells the same from the changed, and says what cannot be compared."""

import json
import math
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests import loading
from tests.jobs.fakes import RATE_HZ, Share, noise, write_noise
from unweave.api import separate_file
from unweave.errors import Cancelled, InputError, UsageError
from unweave.jobs.reports import find_recording, read_report
from unweave.jobs.verify import difference_db, verify


@pytest.fixture
def report(tmp_path, monkeypatch, fake_model) -> Path:
    monkeypatch.chdir(tmp_path)
    write_noise(Path("music/song.wav"))
    separate_file("music/song.wav", "stems")
    return Path("stems/song/report.json")


def changed(document, place, value):
    """Put another value at a place of a report."""
    at = document
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value


def test_the_same_again(report):
    verdict = verify(report)
    assert verdict.agrees
    assert [stem.stem for stem in verdict.stems] == ["vocals", "accompaniment"]
    assert {stem.on_disk for stem in verdict.stems} == {"as reported"}
    assert {stem.difference_db for stem in verdict.stems} == {None}
    assert verdict.versions_differ == {}
    json.dumps(verdict.as_dict(), allow_nan=False)
    assert verify(report.parent).agrees


def of_version_1(document: dict) -> dict:
    """The same facts as the first version of reports has them."""
    request, execution = document["request"], dict(document["execution"])
    del execution["members_in_turn"]
    fields = ("unweave", "gain_db", "null_test_db", "channels", "warnings")
    separator = {
        **document["separator"],
        "weights_sha256": request["separator"]["weights_sha256"],
        "name": request["separator"]["name"],
        "card": request["separator"]["name"],
        "options": {"bandwidth": "full"},
    }
    output = {**document["output"], **{k: request["output"][k] for k in ("format", "bit_depth")}}
    return {
        "schema_version": 1,
        **{field: document[field] for field in fields},
        "input": {k: v for k, v in document["input"].items() if k != "start"},
        "separator": separator,
        "output": output,
        "stems": [{k: v for k, v in s.items() if k != "samples"} for s in document["stems"]],
        **execution,
        "seed": 0,
    }


def test_a_report_of_the_first_version_is_read(report):
    document = of_version_1(json.loads(report.read_text()))
    report.write_text(json.dumps(document))
    assert verify(report).agrees
    report.write_text(json.dumps({**document, "null_test_db": -10.0}))
    assert verify(report).fields_differ.keys() == {"null_test_db"}
    report.write_text(json.dumps({**document, "more": 1}))
    with pytest.raises(UsageError, match="is not a report that this version of unweave reads"):
        verify(report)


def test_it_uses_the_options_of_the_report(report, fake_model):
    separate_file("music/song.wav", "other", bandwidth="model", mask_exponent=1.5)
    fake_model.clear()
    assert verify(Path("other/song")).agrees
    assert fake_model == [{"bandwidth": "model", "mask_exponent": 1.5, "wiener": 0}]


def test_other_sound_is_measured(report, monkeypatch):
    loading.give(monkeypatch, lambda *_, **__: Share(share=0.2525))
    verdict = verify(report)
    assert not verdict.agrees
    vocals = verdict.stems[0]
    assert (vocals.agrees, vocals.on_disk) == (False, "as reported")
    assert vocals.difference_db == pytest.approx(40.0, abs=0.1)  # one per cent


def test_stems_changed_or_missing_on_disk(report):
    file = report.parent / "vocals.wav"
    sound, rate = soundfile.read(file, dtype="float32")
    soundfile.write(file, sound * 1.001, rate, subtype="FLOAT")
    (report.parent / "accompaniment.wav").unlink()
    vocals, accompaniment = verify(report).stems
    assert (vocals.agrees, vocals.on_disk) == (True, "changed since the report")
    assert vocals.difference_db == pytest.approx(60.0, abs=0.1)
    assert (accompaniment.agrees, accompaniment.on_disk) == (True, "missing")
    assert not verify(report).agrees


def test_stem_that_is_no_sound_any_more(report):
    (report.parent / "vocals.wav").write_text("text")
    stem = verify(report).stems[0]
    assert (stem.on_disk, stem.difference_db) == ("changed since the report", None)


def test_recording_that_changed(report):
    write_noise(Path("music/song.wav"), seed=9)
    with pytest.raises(InputError, match=r"song\.wav: is not the recording.*SHA-256"):
        verify(report)


def test_recording_that_is_gone_or_moved(report):
    Path("elsewhere").mkdir()
    os.rename("music/song.wav", "elsewhere/x.wav")
    with pytest.raises(InputError, match=r"song\.wav: .*not there.*--input"):
        verify(report)
    assert verify(report, recording=Path("elsewhere/x.wav")).agrees


def test_run_from_another_folder(report, monkeypatch, tmp_path_factory):
    there = report.absolute()
    monkeypatch.chdir(tmp_path_factory.mktemp("other"))
    assert verify(there).agrees


@pytest.mark.parametrize("content", [None, "", "{}", "[]", "nonsense", '{"unweave": 1}'])
def test_what_is_no_report(tmp_path, content):
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match=r"report\.json: "):
        verify(path)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("stems", 0, "stem"), "drums"),
        (("stems", 0, "stem"), "accompaniment"),
        (("gain_db",), math.inf),
        (("stems", 0, "peak_dbfs"), math.nan),
    ],
)
def test_what_no_report_says(report, place, value):
    document = json.loads(report.read_text())
    changed(document, place, value)
    report.write_text(json.dumps(document))
    with pytest.raises(UsageError, match=r"report\.json: "):
        verify(report)


def test_a_stem_that_cannot_be_looked_at_is_named(report):
    document = json.loads(report.read_text())
    changed(document, ("stems", 0, "path"), "x" * 300)
    report.write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"xxx: cannot be read: the name is too long"):
        verify(report)


def test_it_can_be_stopped_and_leaves_nothing(report, monkeypatch, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with pytest.raises(Cancelled):
        verify(report, should_stop=lambda: True)
    assert list(temporary.iterdir()) == []


def test_difference_db(tmp_path):
    wave = noise()
    names = {"a": wave, "b": wave * 1.1, "c": wave[:, :-1], "d": wave[:1], "zero": wave * 0}
    for name, samples in names.items():
        soundfile.write(tmp_path / f"{name}.wav", samples.T, RATE_HZ, subtype="FLOAT")
    soundfile.write(tmp_path / "rate.wav", wave.T, RATE_HZ * 2, subtype="FLOAT")

    def between(a: str, b: str) -> float | None:
        return difference_db(tmp_path / f"{a}.wav", tmp_path / f"{b}.wav")

    assert between("a", "a") == math.inf
    assert between("a", "b") == pytest.approx(20.0, abs=1e-3)
    assert between("zero", "a") == -math.inf
    for other in ("c", "d", "rate", "gone"):
        assert between("a", other) is None
    expected = 10 * np.log10(1 / 1.1**2 * 1.1**2 / 1.0)
    assert between("a", "zero") == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("null_test_db",), -10.0),
        (("gain_db",), -3.0),
        (("warnings",), ["nothing at all"]),
        (("input", "tags"), {"title": "forged"}),
        (("input", "samples"), 3),
        (("input", "channels"), 1),
        (("stems", 0, "peak_dbfs"), -99.0),
        (("stems", 1, "loudness_lufs"), None),
        (("stems", 1, "samples"), 7),
        (("identity",), "0" * 64),
        (("request", "engine_revision"), 7),
        (("request", "separator", "revision"), 7),
    ],
)
def test_a_report_that_was_changed_does_not_agree(report, place, value):
    document = json.loads(report.read_text())
    changed(document, place, value)
    report.write_text(json.dumps(document))
    verdict = verify(report)
    assert not verdict.agrees
    [field] = verdict.fields_differ
    last = "identity" if place[0] == "request" else str(place[-1])
    assert field.endswith(last if place[1:2] != ("tags",) else "title")
    assert all(stem.agrees for stem in verdict.stems)


@pytest.mark.parametrize(
    ("place", "step", "agrees"),
    [
        (("gain_db",), 0.0001, False),
        (("input", "duration_s"), 0.000001, False),
        (("request", "separator", "options", "mask_exponent"), 0.005, False),
        (("null_test_db",), 0.01, True),
        (("null_test_db",), 0.02, False),
        (("stems", 0, "peak_dbfs"), 0.01, True),
        (("stems", 0, "peak_dbfs"), 0.02, False),
        (("stems", 1, "loudness_lufs"), 0.01, True),
        (("stems", 1, "loudness_lufs"), 0.02, False),
    ],
)
def test_only_measured_levels_may_be_a_step_off(report, place, step, agrees):
    document = json.loads(report.read_text())
    at = document
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = round(at[place[-1]] + step, 6)
    report.write_text(json.dumps(document))
    assert verify(report).agrees == agrees


def test_other_versions_are_told(report):
    document = json.loads(report.read_text())
    document["execution"]["versions"]["torch"] = "1.0"
    report.write_text(json.dumps(document))
    assert verify(report).versions_differ["torch"][0] == "1.0"


def test_other_weights_are_never_used(report):
    document = json.loads(report.read_text())
    document["request"]["separator"]["weights_sha256"] = "0" * 64
    report.write_text(json.dumps(document))
    with pytest.raises(InputError, match="the weights differ: report 000000000000"):
        verify(report)


def test_what_was_made_from_memory_cannot_be_repeated(tmp_path):
    song = write_noise(tmp_path / "song.wav")
    separate_file(song, tmp_path / "out", Share())
    with pytest.raises(InputError, match=r"from memory.*cannot be repeated"):
        verify(tmp_path / "out" / "song")


def test_option_files_are_found_wherever_verify_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_noise(Path("song.wav"), seconds=0.5)
    write_noise(Path("n.wav"), seconds=0.5, seed=1)
    separate_file("song.wav", "out", "spectral-subtraction", noise="n.wav")
    monkeypatch.chdir(tmp_path / "out")
    assert verify(Path("song")).agrees
    write_noise(tmp_path / "n.wav", seconds=0.5, seed=2)
    with pytest.raises(InputError, match=r"n\.wav: its content differs from what the option noise"):
        verify(Path("song"))
    (tmp_path / "n.wav").unlink()
    with pytest.raises(InputError, match=r"the option noise of .* names it, and it is not there"):
        verify(Path("song"))


def test_a_recording_moved_together_with_its_report_is_found(report, tmp_path):
    os.rename(tmp_path / "music", tmp_path / "m2")
    (tmp_path / "new").mkdir()
    os.rename(tmp_path / "m2", tmp_path / "new" / "music")
    os.rename(tmp_path / "stems", tmp_path / "new" / "stems")
    assert verify(tmp_path / "new/stems/song").agrees


def test_a_recording_is_found_though_its_old_place_may_not_be_looked_at(
    open_folder, ordinary_user, fake_model, monkeypatch
):
    monkeypatch.chdir(open_folder)
    write_noise(Path("music/song.wav"))
    separate_file("music/song.wav", "new/stems")
    shutil.copytree("music", "new/music")
    Path("music").chmod(0)
    path = Path("new/stems/song/report.json")
    with ordinary_user():
        found = find_recording(read_report(path), path)
        assert found == open_folder / "new/music/song.wav"
