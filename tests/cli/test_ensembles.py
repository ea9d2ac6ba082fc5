"""Ensembles and chains as people type them: one line says what is wrong, or what there is."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE_HZ = 8000


@pytest.fixture
def song(here: Path) -> str:
    wave = np.random.default_rng(0).uniform(-0.3, 0.3, (RATE_HZ, 2)).astype(np.float32)
    soundfile.write("song.wav", wave, RATE_HZ)
    return "song.wav"


def test_several_models_and_a_step_further(say, song: str) -> None:  # type: ignore[no-untyped-def]
    command = (
        "separate", song, "-m", "repet+ft2d", "--ensemble", "MAX_FFT", "--then",
        "instrumental:hpss", "--then", "vocals:ft2d", "--stems", "vocals,percussive", "--json",
    )  # fmt: skip
    done = say(*command)
    report = json.loads(done.out)["files"][0]["report"]
    assert [each["stem"] for each in report["stems"]] == ["vocals", "percussive"]
    separator = report["request"]["separator"]
    assert separator["name"] == "repet+ft2d>accompaniment>hpss>vocals>ft2d"
    assert separator["options"]["ensemble"] == "max_fft"
    assert "vocals-accompaniment is accompaniment of ft2d" not in done.err  # no name came twice
    assert json.loads(say(*command).out)["counts"]["skipped"] == 1
    other = say(*[word.replace("MAX", "min") for word in command])
    assert "made with the option ensemble=max_fft, now min_fft" in other.err
    assert "agrees" in say("verify", "stems/song").out


def test_what_a_name_does_not_tell_is_said(say, song: str) -> None:  # type: ignore[no-untyped-def]
    said = say("separate", song, "-m", "repet", "--then", "accompaniment:ft2d", "--end", "0.5")
    assert "accompaniment-vocals is vocals of ft2d" in said.err
    shown = say("models", "show", "repet+spleeter-4stems").out
    assert shown.startswith("repet+spleeter-4stems: Ensemble of repet and spleeter-4stems")
    assert "accompaniment: accompaniment of repet, what the vocals of" in shown
    assert "left out: drums, bass, other of spleeter-4stems" in shown
    assert 'ensemble = "avg_wave"' in shown
    assert "options" not in say("models", "show", "repet>vocals>hpss").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-m", "repet+hpss"], "no stem is common to all: repet gives vocals"),
        (["-m", "repet", "--ensemble", "max_fft"], "--ensemble joins several models: name them"),
        (["--ensemble-weights", "1,2"], "--ensemble-weights joins several models"),
        (["-m", "repet+ft2d", "--ensemble-weights", "1,x"], "must be numbers joined by commas"),
        (["-m", "repet", "--then", "drums"], "--then names a stem and what separates it further"),
        (["-m", "repet", "--then", "drums:hpss"], "repet has no stem 'drums'"),
        (["-m", "repet", "--then", "vocals:hpps"], "no model is called 'hpps'"),
        (["-m", "mir1k-dnn", "--tta", "swap"], "takes one channel: there is none to swap"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(  # type: ignore[no-untyped-def]
    say, song: str, words: list[str], said: str
) -> None:
    result = say("separate", song, *words)
    assert result.code == 2
    assert said in result.err
    assert result.err.count("error: ") == 1
    assert not Path("stems").exists()


def test_other_commands_take_them_too(say, song: str) -> None:  # type: ignore[no-untyped-def]
    assert say("remix", song, "-m", "repet+ft2d", "--gain", "vocals=-6").code == 0
    assert any("repet+ft2d" in path.read_text() for path in Path().rglob("*.json"))
