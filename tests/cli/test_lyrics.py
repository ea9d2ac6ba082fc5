"""`unweave lyrics` from the outside."""

from pathlib import Path

import pytest

SONG = "#TITLE:A\tSong\n#BPM:300\n#GAP:1000\nP1\n* 0 4 -3 la\n- 5\n: 8 4 2 li\nP2\n: 8 4 2 li\nE\n"


@pytest.fixture
def song(here) -> Path:
    Path("song.txt").write_text(SONG)
    return Path("song.txt")


def test_shows_what_is_in_it(song, say):
    done = say("lyrics", song)
    assert done.code == 0
    rows = dict(line.strip().split("  ", 1) for line in done.out.splitlines()[1:])
    rows = {name: value.strip() for name, value in rows.items()}
    assert rows == {
        "lines": "2",
        "words": "2",
        "syllables": "2",
        "times of": "lines",
        "from, to": "0:01.000, 0:01.600",
        "singers": "both and 1",
        "notes": "1 golden, 1 normal",
        "pitches": "-3 to +2 from middle C",
        "tempo": "300 BPM, beat 0 at 1.000 s",
        "tag title": "A Song",
    }


def test_converts_shifts_and_says_what_is_lost(song, say):
    done = say("lyrics", song, "song.lrc", "--shift", "0.5")
    assert (done.code, done.out) == (0, "song.lrc\n")
    assert "note: song.lrc: no place for the pitches and kinds of notes" in done.err.splitlines()
    assert Path("song.lrc").read_text() == (
        "[ti:A Song]\n[00:01.50]la\n[00:01.70]\n[00:01.90]li\n[00:02.10]\n"
    )
    done = say("lyrics", "-q", "song.lrc", "song.lrc", "--shift", "-1.5", "--overwrite")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert "[00:00.00]la" in Path("song.lrc").read_text()


def test_json(song, say):
    done = say("lyrics", "--json", "-q", song, "plain.txt", "--format", "text", "--lines")
    assert done.code == 0
    assert (done.json["output"], done.json["lines"]) == ("plain.txt", 2)
    assert done.json["singers"] == [0, 1]
    assert any("times" in loss for loss in done.json["losses"])
    assert Path("plain.txt").read_text() == "la\nli\n"
    assert "losses" not in say("lyrics", "--json", song).json


def test_warnings(here, say):
    Path("old.lrc").write_bytes("[00:01.00]é\n".encode("cp1252"))
    done = say("lyrics", "old.lrc")
    assert "warning: old.lrc: line 1 is not UTF-8" in done.err
    assert "[00:01.00]é" in Path("old.lrc").read_text(encoding="cp1252")
    assert say("lyrics", "old.lrc", "--encoding", "cp1250").err == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("gone.lrc", 1, ["gone.lrc", "no such file"]),
        ("bad.lrc", 1, ["bad.lrc", "line 1", "[01:23.45]"]),
        ("song.txt song.mid", 2, ["song.mid", ".lrc"]),
        ("song.txt bad.lrc", 1, ["bad.lrc", "--overwrite"]),
        ("song.txt out.lrc --format mid", 2, ["mid", "ultrastar"]),
        ("song.txt --format lrc", 2, ["--format"]),
        ("song.txt out.lrc --shift -2", 2, ["--shift -2", "before the beginning"]),
        ("song.txt out.lrc --shift nan", 2, ["--shift"]),
        ("song.txt --encoding klingon", 1, ["song.txt", "klingon"]),
        ("plain.txt out.srt", 1, ["out.srt", "a time for every line"]),
    ],
)
def test_refused_in_one_line(song, say, arguments, code, words):
    Path("bad.lrc").write_text("words\n")
    Path("plain.txt").write_text("words\n")
    done = say("lyrics", "-q", *arguments.split())
    assert done.code == code, done.err
    assert done.out == ""
    assert done.err.count("\n") == 1
    for word in words:
        assert word in done.err
    assert sorted(path.name for path in Path().iterdir()) == ["bad.lrc", "plain.txt", "song.txt"]
