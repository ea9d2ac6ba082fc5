"""`unweave lyrics` from the outside."""

from pathlib import Path

import pytest
import soundfile

from tests.apps.voices import RATE_HZ, melody, voice

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
        "times of": "lines",
        "from, to": "0:01.000, 0:01.600",
        "singers": "both and 1",
        "notes": "1 golden, 1 normal",
        "pitches": "-3 to +2 from middle C",
        "tempo": "300 BPM, beat 0 at 1.000 s",
        "tag title": "A Song",
    }


def test_the_cover_goes_with_an_ultrastar_song_alone(song, say, png):
    song.write_text(f"#COVER:front.png\n{SONG}")
    Path("front.png").write_bytes(png)
    done = say("lyrics", song, "new/song.txt", "--json")
    assert Path(done.json["cover"]).read_bytes() == png
    assert say("lyrics", song, "other/song.lrc").code == 0
    assert [path.name for path in Path("other").iterdir()] == ["song.lrc"]


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


# Lyrics for a song.


@pytest.fixture
def sung(here) -> Path:
    """A folder with a song that is a voice alone, and its words."""
    bursts = melody([4, 3])
    soundfile.write("Ann - Sea.wav", voice(bursts, bursts[-1][1] + 0.5), RATE_HZ)
    Path("words.txt").write_text("Sail away now\nover the\n")
    return Path("Ann - Sea.wav")


def test_align_writes_a_draft_and_says_what_to_look_at(sung, say, monkeypatch):
    done = say("lyrics", "align", sung, "words.txt", "--voice", sung)
    assert (done.code, done.out) == (0, "Ann - Sea.lrc\n")
    assert "confidence below" not in done.err
    assert say("lyrics", "Ann - Sea.lrc", "--json").json["tags"] == {
        "title": "Sea",
        "artist": "Ann",
    }
    monkeypatch.setattr("unweave.apps.align.DOUBTFUL", 1.1)
    done = say("lyrics", "align", sung, "words.txt", "--voice", sung, "-o", "a.lrc", "--json")
    assert done.code == 0
    assert done.json["output"] == "a.lrc"
    assert [line["text"] for line in done.json["lines"]] == ["Sail away now", "over the"]
    assert all(0 < line["confidence"] <= 1 for line in done.json["lines"])
    assert len(done.json["passages_s"]) == 2
    assert "note: a.lrc: 2 of 2 lines have a confidence below 1.1" in done.err


def test_notes_writes_a_song_for_games(sung, say):
    done = say("lyrics", "notes", sung, "words.txt", "--voice", sung, "--json", "-q")
    assert done.code == 0
    assert (done.json["output"], done.json["syllables"]) == ("Ann - Sea.txt", 7)
    assert done.json["notes"] == {"normal": 7}
    assert done.json["losses"] == []
    assert say("lyrics", "Ann - Sea.txt", "--json").json["pitches"] == [0, 7]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("align song.wav gone.txt", 1, ["gone.txt", "no such file"]),
        ("align gone.wav words.txt", 1, ["gone.wav", "no such file"]),
        ("align song.wav words.txt -o words.txt", 1, ["words.txt", "--overwrite"]),
        ("align song.wav words.txt -o out.mid", 2, ["out.mid", ".lrc"]),
        ("align song.wav words.txt --voice gone.wav", 1, ["gone.wav", "no such file"]),
        ("align song.wav words.txt -m hpss", 2, ["hpss", "vocals"]),
        ("align song.wav many.txt --voice song.wav", 1, ["many.txt", "far more syllables"]),
        ("notes song.wav words.txt -o out.lrc", 2, ["out.lrc", ".txt"]),
        ("notes song.wav words.txt -o out.txt --bpm 0", 2, ["20 to 1000"]),
        ("notes song.wav bad.lrc -o out.txt", 1, ["bad.lrc", "line 1"]),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(sung, say, arguments, code, words):
    sung.rename("song.wav")
    Path("bad.lrc").write_text("words\n")
    Path("many.txt").write_text("many words " * 100)
    there = sorted(path.name for path in Path().iterdir())
    done = say("lyrics", *arguments.split(), "-q")
    assert done.code == code, done.err
    assert done.out == ""
    assert done.err.count("\n") == 1
    for word in words:
        assert word in done.err
    assert sorted(path.name for path in Path().iterdir()) == there


def test_a_file_stands_for_convert_and_a_command_for_itself(song, say):
    assert say("lyrics", "convert", song).out == say("lyrics", song).out
    assert say("lyrics", "--json", song).json == say("lyrics", "convert", song, "--json").json
    Path("align").write_text(SONG)
    assert say("lyrics", "./align").code == 0
    assert say("lyrics", "align").code == 2
    for command in ("convert", "align", "notes"):
        assert command in say("lyrics", "--help").out
