"""Every invocation that cannot go well is one line on stderr that says what to do, and no work."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests import loading

# arguments, exit code, words of the one line
TABLE = [
    ("--overwrite --skip-existing a.mp3", 2, ["--overwrite", "--skip-existing"]),
    ("-q -v a.mp3", 2, ["-q", "-v"]),
    ("--device tpu a.mp3", 2, ["device must be auto, cpu, mps, cuda", "'tpu'"]),
    ("-m spleeter-2stem a.mp3", 2, ["spleeter-2stem", "spleeter-2stems"]),
    ("--stems drums a.mp3", 2, ["drums", "vocals, accompaniment"]),
    ("--stems= a.mp3", 2, ["no stem is named", "vocals, accompaniment"]),
    ("--set mask_exponent=high a.mp3", 2, ["mask_exponent must be a number", "'high'"]),
    ("--set mask_exponent=nan a.mp3", 2, ["mask_exponent must be a number", "nan"]),
    ("--mask-exponent=-1 a.mp3", 2, ["mask_exponent must be a number, above 0"]),
    ("--set wiener=1.7 a.mp3", 2, ["wiener must be a whole number", "1.7"]),
    ("--set wiener=-1 a.mp3", 2, ["wiener must be a whole number, at least 0"]),
    ("--set colour=1 a.mp3", 2, ["no option 'colour'", "bandwidth, mask_exponent, wiener"]),
    ("-m hpss --set bandwidth=full a.mp3", 2, ["no option 'bandwidth'", "margin, wiener"]),
    ("-m nmf --seed 99999999999999999999999 a.mp3", 2, ["seed must be a whole number"]),
    ("--seed=-1 a.mp3", 2, ["seed must be a whole number"]),
    ("-", 1, ["standard input"]),
    ("*.flac", 2, ["*.flac"]),
    ("empty", 2, ["empty", "no audio"]),
    ("gone.mp3", 1, ["gone.mp3", "no such file"]),
    ("a.mp3 a.wav", 2, ["a.mp3", "a.wav", "--filename-template", "{input_ext}"]),
    ("a.mp3 sub/a.mp3", 2, ["a.mp3", "sub/a.mp3", "{parent}"]),
    ("A.mp3 a.wav", 2, ["A.mp3", "a.wav"]),
    ("--filename-template ../{stem}.{ext} a.mp3", 2, ["leaves"]),
    ("--filename-template /{stem}.{ext} a.mp3", 2, ["leaves"]),
    ("--filename-template {name}.{ext} a.mp3", 2, ["{stem}"]),
    ("--filename-template {artist}/{stem}.{ext} a.mp3", 2, ["{artist}", "{parent}"]),
    ("--filename-template {stem a.mp3", 2, ["{stem"]),
    ("--bit-depth 13 a.mp3", 2, ["13", "16, 24, 32"]),
    ("--bit-depth 24 --format mp3 a.mp3", 2, ["mp3", "bit depth"]),
    ("-o . --filename-template {parent}/{stem}.{ext} own/vocals.wav", 2, ["own/vocals.wav", "-o"]),
    ("loop.mp3", 1, ["loop.mp3"]),
    ("pipe.mp3", 1, ["pipe.mp3", "regular file"]),
    ("-- -dash.mp3", 1, ["-dash.mp3", "no such file"]),
    ("new\nline.mp3", 1, ["new\\nline.mp3"]),
]


@pytest.fixture
def scene(here):
    for name in ("a.mp3", "a.wav", "A.mp3", "sub/a.mp3", "own/vocals.wav"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("not looked into")
    Path("empty").mkdir()
    os.symlink("loop.mp3", "loop.mp3")
    os.mkfifo("pipe.mp3")
    return here


@pytest.mark.parametrize(("arguments", "code", "words"), TABLE, ids=[row[0] for row in TABLE])
def test_refused(scene, say, arguments, code, words):
    before = sorted(Path().rglob("*"))
    done = say("separate", *arguments.split(" "))
    assert done.code == code, done.err
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    for word in words:
        assert word in done.err
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize("verb", ["separate", "info", "verify", "spectrogram", "report"])
def test_a_name_that_no_disk_takes(here, say, verb):
    done = say(verb, "x" * 300)
    assert done.code
    assert done.err.startswith("error: xxx")
    assert "unexpected" not in done.err
    assert done.err.count("\n") == 1


def test_a_card_that_is_nested_too_deep(scene, say):
    Path("deep.toml").write_text("title = " + "[" * 100_000)
    done = say("separate", "-m", "deep.toml", "a.mp3")
    assert done.code == 2
    assert done.err.startswith("error: deep.toml: is not a card")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("row", TABLE[:5], ids=[row[0] for row in TABLE[:5]])
def test_refused_in_json_too(scene, say, row):
    arguments, code, words = row
    done = say("separate", "--json", *arguments.split(" "))
    assert done.code == done.json["exit_code"] == code
    assert words[0] in done.json["error"]["message"]
    assert done.json["error"]["kind"] == "UsageError"
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    ["--format xyz", "--jobs 0", "--batch 0", "--max-memory 0", "--bandwidth half"],
)
def test_values_that_the_parser_refuses(scene, say, arguments):
    done = say("separate", "a.mp3", *arguments.split())
    assert done.code == 2
    assert arguments.split()[0] in done.err


@pytest.fixture
def sounds(here):
    for name in ("a.wav", "b.wav"):
        soundfile.write(name, np.full((800, 1), 0.1), 8000)
    return here


def test_options_that_only_the_model_can_judge(sounds, say):
    done = say("separate", "a.wav", "--mask-exponent", "-1")
    assert done.code == 2
    assert "mask_exponent" in done.err
    assert done.err.count("error: ") == 1


def test_weights_that_are_missing(sounds, say, monkeypatch):
    from unweave.errors import WeightsError

    def load(name, **options):
        raise WeightsError(f"{name}: the weights are gone; fetch them")

    loading.give(monkeypatch, load)
    done = say("separate", "a.wav", "b.wav")
    assert done.code == 3
    assert done.err.count("the weights are gone") == 1  # not once for each file
    done = say("separate", "a.wav", "--json")
    assert done.json["error"]["kind"] == "WeightsError"


def test_output_that_cannot_be_written(here, say, song):
    Path("file").touch()
    done = say("separate", song, "-o", "file")
    assert done.code == 1
    assert "file" in done.err.splitlines()[-1]
    assert done.err.count("error: ") == 1
    assert Path("file").read_bytes() == b""


def test_read_only_output(open_folder, ordinary_user, monkeypatch, say):
    monkeypatch.chdir(open_folder)
    soundfile.write("a.wav", np.zeros((8000, 2)), 8000)
    assert say("separate", "a.wav", "-m", "hpss", "-o", "open").code == 0  # and all is imported
    Path("locked").mkdir(mode=0o555)
    with ordinary_user():
        done = say("separate", "a.wav", "-m", "hpss", "-o", "locked")
    assert done.code == 1
    (line,) = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert "locked" in line
    assert "permission denied" in line
    assert list(Path("locked").iterdir()) == []


def test_other_verbs(scene, say):
    for arguments, code, word in [
        (["verify", "gone.json"], 2, "gone.json"),
        (["verify", "a.mp3"], 2, "report.json"),
        (["verify", "x", "y", "-i", "z"], 2, "--input"),
        (["info", "gone.mp3"], 1, "gone.mp3"),
        (["info", "a.mp3"], 1, "a.mp3"),
        (["spectrogram", "-q"], 2, "nothing to draw"),
        (["spectrogram", "gone.wav"], 1, "gone.wav"),
        (["spectrogram", "empty"], 2, "nothing to draw"),
    ]:
        done = say(*arguments)
        assert done.code == code, arguments
        errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1
        assert word in errors[0]
