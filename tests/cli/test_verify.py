"""`unweave verify`: every report that is named is looked at, and what was found is told in full."""

import json
import shutil

import numpy as np
import pytest
import soundfile

from unweave.jobs import verify as again

RATE_HZ = 8000


@pytest.fixture
def folder(say, here):
    """A folder with the stems of a second of noise, made by a technique."""
    sound = 0.1 * np.random.default_rng(0).standard_normal((RATE_HZ, 1))
    soundfile.write("a.wav", sound, RATE_HZ, subtype="FLOAT")
    assert say("separate", "a.wav", "-m", "hpss", "-o", "o").code == 0
    return "o/a"


@pytest.mark.parametrize(
    "bad", ["gone.json", "empty", "text.json", "lost", "late.json", "fault.json", "x" * 300]
)
def test_a_report_that_cannot_be_read_costs_only_itself(folder, say, here, bad, monkeypatch):
    prepare = again.prepare

    def failing(path, **given):
        if path.name == "fault.json":
            raise OverflowError("as nobody expects")
        return prepare(path, **given)

    monkeypatch.setattr(again, "prepare", failing)
    (here / "empty").mkdir()
    document = json.loads((here / folder / "report.json").read_text())
    document["request"]["output"]["start"] = 1e305
    (here / "late.json").write_text(json.dumps(document))
    (here / "text.json").write_text("text")
    shutil.copytree(folder, "lost")
    text = (here / "lost/report.json").read_text()
    (here / "lost/report.json").write_text(text.replace("a.wav", "nowhere.wav"))
    for names in ((bad, folder), (folder, bad)):
        done = say("verify", *names)
        assert done.code == 1
        assert f"{folder}/report.json: agrees" in done.out
        assert done.err.count("error: ") == 1
        assert bad in done.err
    assert say("verify", bad).code != 0
    assert len(say("verify", bad, folder, "--json").json) == 1


def test_json_has_levels_hashes_and_the_null_test(folder, say):
    [file] = say("separate", "a.wav", "-m", "hpss", "-o", "o", "--json").json["files"]
    report = file["report"]
    [verdict] = say("verify", folder, "--json").json
    for field in ("null_test_db", "gain_db"):
        assert verdict[field] == pytest.approx(report[field], abs=0.01)
    for found, reported in zip(verdict["stems"], report["stems"], strict=True):
        assert found["sha256"] == found["sha256_now"] == reported["sha256"]
        assert found["peak_dbfs"] == pytest.approx(reported["peak_dbfs"], abs=0.01)
        assert found["loudness_lufs"] == pytest.approx(reported["loudness_lufs"], abs=0.01)
    for item in report["stems"]:
        assert item["sha256"] in say("verify", folder, "-v").out


def test_bytes_that_change_no_sound_are_told_as_such(folder, say, here):
    with (here / folder / "harmonic.wav").open("ab") as file:
        file.write(b"xx")
    done = say("verify", folder)
    assert done.code == 1
    line = "harmonic: the same bytes again, the file is changed since the report, the same sound"
    assert f"{line}\n" in done.out


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_difference_is_told_quietly_too(folder, say, here, more):
    assert say("verify", "-q", folder, *more).err == ""
    (here / folder / "harmonic.wav").write_bytes(b"another")
    done = say("verify", "-q", folder, *more)
    assert (done.code, done.err) == (
        1,
        f"error: {folder}/report.json: differs; leave out -q to see where\n",
    )
