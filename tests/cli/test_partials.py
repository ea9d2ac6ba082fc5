"""`unweave partials` from the outside."""

from pathlib import Path

import numpy as np
import pytest
import soundfile


@pytest.fixture
def song(here) -> Path:
    time_s = np.arange(22050 * 2) / 22050
    soundfile.write("song.wav", 0.1 * np.cos(2 * np.pi * 440 * time_s), 22050)
    return Path("song.wav")


def test_writes_and_says_so(song, say):
    done = say("partials", song, "--plot", "p.png", "-o", "t.json")
    assert done.code == 0
    assert done.out.splitlines()[0].startswith("1 partials, ")
    assert done.out.split()[-2:] == ["t.json", "p.png"]
    assert Path("t.json").exists()
    assert Path("p.png").exists()


def test_json(song, say):
    done = say("partials", "--json", "-q", song, "--set", "window_s=0.05")
    assert done.code == 0
    assert done.json["partials"] == 1
    assert done.json["files"] == ["song-partials.csv"]
    assert done.err == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("song.wav -o t.mid", 2, ["t.mid", ".csv, .json, .sdif"]),
        ("song.wav --plot t.pdf", 2, ["t.pdf", ".png"]),
        ("song.wav --set window_s=0", 2, ["window_s", "above 0"]),
        ("song.wav --set window", 2, ["key=value"]),
        ("gone.wav", 1, ["gone.wav", "no such file"]),
    ],
)
def test_refused_in_one_line(song, say, arguments, code, words):
    done = say("partials", "-q", *arguments.split())
    assert done.code == code
    assert done.out == ""
    assert done.err.count("\n") == 1
    for word in words:
        assert word in done.err
    assert [path.name for path in Path().iterdir()] == ["song.wav"]
