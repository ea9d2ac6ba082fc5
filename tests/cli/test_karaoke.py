"""`unweave karaoke` from the outside."""

import json
from pathlib import Path

import pytest

from tests import loading
from tests.apps.karaoke.stubs import noise, tone, write
from tests.jobs.fakes import Share, spec


@pytest.fixture(autouse=True)
def _model(monkeypatch) -> None:
    """The default model gives a quarter of the mix as the voice."""
    loading.give(monkeypatch, lambda name, **_: Share(spec(name=name)))


@pytest.fixture
def song(here) -> Path:
    return write(Path("song.wav"), noise(1.0), tone(300, 1.0))


def test_makes_and_says_so(song, say):
    done = say("karaoke", song, "--guide", "-6", "--count-in", "2")
    assert done.code == 0, done.err
    assert "backing.wav" in done.out
    assert "folder  karaoke/song" in done.out
    report = json.loads(Path("karaoke/song/karaoke.json").read_text())
    assert report["karaoke"]["guide_db"] == -6
    assert report["timing"]["lead"] == 2 * 8000
    assert report["separation"]["request"]["separator"]["name"] == "spleeter-2stems"


def test_what_is_finished_is_skipped(song, say):
    assert say("karaoke", song, "-q").code == 0
    before = Path("karaoke/song/backing.wav").stat().st_mtime_ns
    done = say("karaoke", song)
    assert (done.code, "skipped" in done.out) == (0, True)
    assert Path("karaoke/song/backing.wav").stat().st_mtime_ns == before
    done = say("karaoke", song, "--loudness", "-30")
    assert done.code == 1
    assert "made from another recording or with other options" in done.err
    assert say("karaoke", song, "--loudness", "-30", "--overwrite").code == 0
    Path("karaoke/song/backing.wav").write_bytes(b"mine")
    done = say("karaoke", song, "--loudness", "-30")
    assert "changed since it was made" in done.err
    assert Path("karaoke/song/backing.wav").read_bytes() == b"mine"
    Path("karaoke/song/backing.wav").unlink()
    assert say("karaoke", song, "--loudness", "-30").code == 0


def test_folders_json_and_the_rest_of_a_batch(song, say):
    write(Path("album/one.wav"), noise(1.0), noise(1.0, 1))
    Path("album/two.mp3").write_bytes(b"no sound")
    Path("album/notes.txt").write_text("notes")
    done = say("karaoke", "--json", "-q", "album", "gone.wav", "-o", "out", "--format", "flac")
    assert done.code == 1
    found = done.json
    assert found["counts"] == {"done": 1, "skipped": 0, "failed": 2, "cancelled": 0}
    kinds = {Path(item["input"]).name: item["status"] for item in found["files"]}
    assert kinds == {"gone.wav": "failed", "one.wav": "done", "two.mp3": "failed"}
    [done_one] = [item for item in found["files"] if item["status"] == "done"]
    assert done_one["report"] == json.loads(Path("out/one/karaoke.json").read_text())
    assert Path(done_one["outputs"]["backing"]) == Path("out/one/backing.flac")
    assert found["passed_over"] == ["album/notes.txt"]
    assert [p.name for p in Path("out").iterdir()] == ["one"]


def test_stems_are_kept_and_taken(song, say, monkeypatch):
    assert say("karaoke", song, "-q", "--keep-stems", "voices").code == 0
    assert sorted(p.name for p in Path("voices/song").iterdir()) == ["report.json", "vocals.wav"]
    other = say("karaoke", song, "-q", "--keep-stems", "voices", "--end", "1", "-o", "short")
    assert other.code == 1
    assert "another folder with --keep-stems" in other.err
    loading.give(monkeypatch, lambda *_, **__: pytest.fail("separated again"))
    done = say("karaoke", song, "-q", "--keep-stems", "voices", "--guide", "-12", "-o", "guided")
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("song.wav --key nan", 2, ["--key must be a number", "nan"]),
        ("song.wav --key 25", 2, ["--key", "24"]),
        ("song.wav --tempo 3", 2, ["--tempo", "2"]),
        ("song.wav --guide 99", 2, ["--guide must be a number or none, at least -60"]),
        ("song.wav --trim-intro -1", 2, ["--trim-intro must be"]),
        ("song.wav --bpm 120", 2, ["--bpm is for", "--count-in"]),
        ("song.wav --fps 30", 2, ["--fps is of a video", "--video and --lyrics"]),
        ("song.wav --keep-backing", 2, ["--keep-backing needs", "with --model"]),
        ("song.wav -m hpss", 2, ["hpss", "voice", "harmonic"]),
        ("song.wav --keep-backing", 2, ["spleeter-2stems", "lead_vocals"]),
        ("song.wav --quality fast -m hpss", 2, ["--quality"]),
        ("song.wav --video mp4 --size 12", 2, ["--size", "1280x720"]),
        ("song.wav --cdg", 2, ["CD+G", "--lyrics"]),
        ("song.wav other.wav --lyrics song.lrc", 2, ["song.lrc", "one song"]),
        ("song.wav --lyrics bad.lrc", 1, ["bad.lrc", "line 1"]),
        ("song.wav -o out.wav", 2, ["out.wav", "folder"]),
        ("song.wav a/song.wav", 2, ["would both be written", "--filename-template"]),
        ("gone.wav", 1, ["gone.wav", "no such file"]),
        ("empty.wav", 1, ["empty.wav", "empty"]),
        ("song.wav --format mp3 --bit-depth 16", 2, ["mp3", "bit depth"]),
    ],
)
def test_refused_in_one_line(song, say, arguments, code, words):
    write(Path("other.wav"), noise(1.0), noise(1.0))
    write(Path("a/song.wav"), noise(1.0), noise(1.0))
    Path("song.lrc").write_text("[00:00.50]la\n")
    Path("bad.lrc").write_text("words\n")
    Path("empty.wav").touch()
    before = sorted(p.name for p in Path().iterdir())
    done = say("karaoke", "-q", *arguments.split())
    assert done.code == code, done.err
    assert done.out == ""
    assert done.err.count("\n") == 1, done.err
    for word in words:
        assert word in done.err
    assert sorted(p.name for p in Path().iterdir()) == before


def test_key_without_the_library_says_what_to_install(song, say, monkeypatch):
    monkeypatch.setattr("unweave.apps.karaoke.order.find_spec", lambda name: None)
    done = say("karaoke", "-q", song, "--key", "2")
    assert done.code == 2
    assert "pip install 'unweave[karaoke]'" in done.err
