"""`unweave nmf learn` from the outside."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from unweave.separators.nmf.learning import STEPS


@pytest.fixture
def examples(here) -> list[str]:
    for n, name in enumerate(("voice", "drum")):
        wave = np.random.default_rng(n).normal(size=16000) * 0.1
        soundfile.write(f"{name}.wav", wave, 16000)
    return ["voice=voice.wav", "drum=drum.wav"]


SMALL = "--steps", "1", "--set", "components=3", "--set", "iterations=3"


def test_learns_and_then_separates(examples, say):
    done = say("nmf", "learn", *examples, "-o", "duo.toml", *SMALL)
    assert done.code == 0
    assert done.out.splitlines()[0] == "voice: 3 spectra from 1 recording, 1 s"
    assert done.out.split()[-2:] == ["duo.toml", "duo.safetensors"]
    done = say("separate", "voice.wav", "-m", "nmf", "--set", "dictionaries=duo.toml", "-q")
    assert done.code == 0
    assert sorted(path.name for path in Path("stems/voice").glob("*.wav")) == [
        "drum.wav", "voice.wav"
    ]  # fmt: skip


def test_the_help_says_how_many_steps_there_are_by_default(say):
    words = " ".join(say("nmf", "learn", "--help").out.split())
    assert f"[default: ({STEPS});" in words


def test_json(examples, say):
    done = say("nmf", "learn", *examples, "-o", "duo.toml", *SMALL, "--json", "-q")
    assert done.code == 0
    assert done.json["components"] == {"voice": 3, "drum": 3}
    assert done.json["card"] == "duo.toml"
    assert done.err == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("learn voice=voice.wav -o duo.txt", 2, ["duo.txt", ".toml"]),
        ("learn voice.wav -o duo.toml", 2, ["STEM=PATH"]),
        ("learn voice=gone.wav -o duo.toml", 1, ["gone.wav", "no such file"]),
        ("learn -o duo.toml --root .", 1, ["dataset"]),
        ("learn voice=voice.wav -o duo.toml --set components=0", 2, ["components", "at least 1"]),
    ],
)
def test_refused_in_one_line(examples, say, arguments, code, words):
    done = say("nmf", *arguments.split(), "-q")
    assert done.code == code
    assert done.out == ""
    assert done.err.count("\n") == 1
    for word in words:
        assert word in done.err
    assert sorted(path.name for path in Path().iterdir()) == ["drum.wav", "voice.wav"]
