"""`unweave evaluate` from the outside."""

import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile

import unweave
from tests.evaluation.fakes import waves
from tests.evaluation.test_scoring import estimates_of

RATE_HZ = 8000


@pytest.fixture
def folders(here):
    references = waves(("vocals", "drums"), RATE_HZ + 300)
    estimates = estimates_of(references)
    for name, stems in (("true", references), ("found", estimates)):
        (here / name).mkdir()
        for stem, wave in stems.items():
            soundfile.write(here / name / f"{stem}.wav", wave.T, RATE_HZ, subtype="FLOAT")
    return references, estimates


def test_a_table_for_people(folders, say):
    done = say("evaluate", "true", "found")
    assert done.code == 0
    assert "median over frames" in done.out
    assert "whole length" in done.out
    expected = unweave.evaluate(*folders, RATE_HZ)["drums"]
    row = next(line.split() for line in done.out.splitlines() if line.split()[:1] == ["drums"])
    assert row[1:] == [f"{expected[name]:.2f}" for name in ("SDR", "SIR", "ISR", "SAR")]


def test_json_and_a_file(folders, say, here):
    done = say("evaluate", "true", "found", "--json", "-o", "scores.json")
    assert done.json["stems"]["vocals"]["SDR"] == pytest.approx(
        unweave.evaluate(*folders, RATE_HZ)["vocals"]["SDR"], abs=1e-4
    )
    assert [table["title"] for table in done.json["tables"]]
    document = json.loads((here / "scores.json").read_text())
    assert {target["name"] for target in document["targets"]} == {"vocals", "drums"}


@pytest.mark.parametrize("metric", ["v3", "global"])
def test_other_metrics(folders, say, metric):
    found = say("evaluate", "true", "found", "--metric", metric, "--json").json
    assert found["stems"]["drums"] == {
        name: pytest.approx(value, abs=1e-4)
        for name, value in unweave.evaluate(*folders, RATE_HZ, metric)["drums"].items()
    }
    assert ("SDR" in found["stems"]["drums"]) == (metric == "v3")


def test_lengths_are_made_equal_and_said(folders, say, here):
    _, estimates = folders
    longer = np.pad(estimates["drums"], ((0, 0), (0, 11)))
    soundfile.write(here / "found" / "drums.wav", longer.T, RATE_HZ, subtype="FLOAT")
    done = say("evaluate", "true", "found")
    assert done.code == 0
    assert "11 samples longer" in done.err
    assert "11 samples longer" not in done.out


def test_names_are_mapped(folders, say, here):
    (here / "found" / "drums.wav").rename(here / "found" / "percussive.wav")
    done = say("evaluate", "true", "found", "--json")
    assert done.json["missing"] == ["drums"]
    assert done.json["unscored"] == ["percussive"]
    assert "percussive" in done.err
    done = say("evaluate", "true", "found", "--map", "percussive=drums", "--json")
    assert done.json["missing"] == done.json["unscored"] == []


def test_refused(folders, say, here):
    soundfile.write(here / "fast.wav", np.zeros((100, 2)), 2 * RATE_HZ)
    for arguments, words in [
        (["true/drums.wav", "fast.wav"], ["fast.wav", "16000", "true/drums.wav", "8000"]),
        (["true", "gone"], ["gone"]),
        (["true", "found", "--map", "x"], ["--map"]),
        (["true", "found", "--map", "drums=violin"], ["violin"]),
        (["true", "found", "--metric", "v3-sources"], ["one channel"]),
    ]:
        done = say("evaluate", *arguments)
        assert done.code in (1, 2), arguments
        (line,) = [text for text in done.err.splitlines() if text.startswith("error: ")]
        for word in words:
            assert word in line


def test_without_the_extra_it_says_what_to_install(folders, here):
    code = (
        "import sys; sys.modules |= {'scipy': None, 'scipy.fft': None};"
        "sys.argv = ['unweave', 'evaluate', 'true', 'found'];"
        "from unweave.cli.app import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "error: this needs scipy, which is not installed; run: pip install 'unweave[bench]' "
        "(-v shows where)\n"
    )
