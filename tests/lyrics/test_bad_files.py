"""What is wrong with a file of lyrics is one line that names the file, the line and a way out."""

import codecs
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lyrics.songs import DUET
from unweave.errors import InputError, OutputError, UsageError
from unweave.lyrics import FORMATS, Line, Lyrics, Syllable, read, write
from unweave.lyrics.files import LARGEST
from unweave.lyrics.rows import MOST_ROWS, BadRow

EVENTS = "[Events]\nFormat: Layer, Start, End, Text\n"

MALFORMED = {
    # format: file, line, words of the message
    "lrc": [
        ("[00:01.00]a\nb", 2, "no time"),
        ("[00:01.00]a\n[00:0x.00]b", 2, "no time"),
        ("[00:01.00]a\n[00:02.00b", 2, "no time"),
        ("[00:01.00]a\n[0002]b", 2, "mm:ss.xx"),
        ("[00:60.00]a", 1, "up to 59"),
        ("[-1:00.00]a", 1, "no time"),
        ("[00:-1.00]a", 1, "mm:ss.xx"),
        ("[9999:00.00]a", 1, "hours"),
        ("[00:01.00]<00:01.00>a <00:0x.00>b", 1, "mm:ss.xx"),
        ("[00:01.00]<00:03.00>a <00:02.00>b", 1, "follows one at"),
        ("[offset:soon]\n[00:01.00]a", 1, "milliseconds"),
        ("[00:01.00]a\n" + "b" * 70_000, 2, "70000 characters"),
        ("[00:01.00]" * 6000 + "<00:01.00>a " * 400, 1, "more than"),
    ],
    "ultrastar": [
        ("#TITLE:a\n: 0 1 0 a", 2, "no header #BPM"),
        ("#BPM:\n: 0 1 0 a", 2, "no header #BPM"),
        ("#BPM:fast\n: 0 1 0 a", 1, "297,5"),
        ("#BPM:0\n: 0 1 0 a", 1, "above 0"),
        ("#BPM:-3\n: 0 1 0 a", 1, "above 0"),
        ("#BPM:300\n#GAP:1 s\n: 0 1 0 a", 2, "GAP"),
        ("#BPM 300\n: 0 1 0 a", 1, "#NAME:value"),
        ("#A:bcd\n" * 2000 + "#BPM:300\n: 0 1 0 a", 821, "too often"),
        ("#VERSION:3.0.0\n#BPM:300\n: 0 1 0 a", 1, "versions up to 2"),
        ("#VERSION:new\n#BPM:300\n: 0 1 0 a", 1, "versions up to 2"),
        ("#BPM:300\n: 0 1 a", 2, ": start length pitch text"),
        ("#BPM:300\n: 0 -1 0 a", 2, ": start length pitch text"),
        ("#BPM:300\n: 0 1.5 0 a", 2, ": start length pitch text"),
        ("#BPM:300\n:", 2, ": start length pitch text"),
        ("#BPM:300\nsome words", 2, ": start length pitch text"),
        ("#BPM:300\n: 0 1 0 a\n-", 3, "- beat"),
        ("#BPM:300\n: 0 1 0 a\n- x", 3, "- beat"),
        ("#BPM:300\n: 0 1 0 a\nP0\n", 3, "no line of a song"),
        ("#BPM:300\n: 5 1 0 a\n\n: 4 1 0 b", 4, "the one in line 2"),
        ("#BPM:300\n: -5 1 0 a", 2, "before the beginning"),
        ("#BPM:1\n: 1000000000 1 0 a", 2, "hours"),
        ("#BPM:300\n: 0 1000000000 0 a", 2, "hours"),
        ("#BPM:300\n: 99999999999 1 0 a", 2, "no line of a song"),
        ("#BPM:300\n#RELATIVE:yes\n: 0 1 0 a\n- 5\n: 0 1 0 b", 4, "two beats"),
        ("#BPM:300\n: 0 1 0 a\nB 8 200\nB 4 100", 4, "sort them"),
        ("#BPM:300\n: 0 1 0 a\nB 8 0", 3, "above 0"),
    ],
    "ass": [
        (EVENTS + "Dialogue: 0,0:00:01.00", 3, "2 of 4 fields"),
        (EVENTS + "Dialogue: 0,1 s,0:00:01.00,a", 3, "h:mm:ss.xx"),
        (EVENTS + "Dialogue: 0,0:00:01.00,-0:00:02.00,a", 3, "h:mm:ss.xx"),
        (EVENTS + "Dialogue: 0,0:61:01.00,0:62:02.00,a", 3, "up to 59"),
        (EVENTS + "Dialogue: 0,0:00:02.00,0:00:01.00,a", 3, "ends before"),
        (EVENTS + "words", 3, "Dialogue:"),
        ("[Events]\nFormat: Start, Text, End\n", 2, "as the last, Text"),
        (EVENTS + r"Dialogue: 0,0:00:01.00,0:00:02.00,{\kt50\k5}a{\kt10\k5}b", 3, "back in time"),
        (EVENTS + r"Dialogue: 0,0:00:01.00,0:00:02.00,{\k999999999}a", 3, "hours"),
    ],
    "srt": [
        ("1\n00:00:01,000 --> soon\na", 2, "neither the number nor"),
        ("1\n00:00:01,000 -> 00:00:02,000\na", 2, "neither the number nor"),
        ("1\n00:00:61,000 --> 00:00:62,000\na", 2, "up to 59"),
        ("1\n00:00:02,000 --> 00:00:01,000\na", 2, "ends before"),
        ("1\n2\n00:00:02,000 --> 00:00:03,000\na", 2, "neither the number nor"),
        ("1\n00:00:01,000 --> 00:00:02,000\na\n00:00:02,000 --> 00:00:03,000\nb", 4, "empty line"),
        ("a song\n\n1\n00:00:02,000 --> 00:00:03,000\na", 1, "neither the number nor"),
    ],
}
SUFFIX = {"lrc": ".lrc", "ultrastar": ".txt", "ass": ".ass", "srt": ".srt"}


@pytest.mark.parametrize(
    ("name", "text", "line", "words"),
    [(name, *row) for name, table in MALFORMED.items() for row in table],
    ids=lambda value: None if isinstance(value, str) and len(value) > 80 else value,
)
def test_a_malformed_line_is_named(tmp_path: Path, name, text, line, words) -> None:
    path = tmp_path / f"song{SUFFIX[name]}"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read(path, format=name)
    message = str(caught.value)
    assert message.startswith(f"{path}: line {line}: "), message
    assert words in message
    assert "\n" not in message
    assert len(message) < 300 + len(str(path))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no words are in it"),
        (b" \n\n", "no words are in it"),
        (b"#TITLE:a\n#BPM:300\nE\n", "no words are in it"),
        (b"[ti:a]\n[00:01.00]\n", "no words are in it"),
        (b"[00:01.00]a\0b", "NUL bytes"),
        (b"[00:01.00]a" * (LARGEST // 11 + 1), "16 MB"),
        (b"\n" * (MOST_ROWS + 2), f"line {MOST_ROWS}: "),
        (b"[00:01.00]a\n\x81\xff", "line 2 is neither UTF-8 nor Windows-1252"),
        (codecs.BOM_UTF8 + b"[00:01.00]\xff", "line 1 is not utf-8"),
        (b"#ENCODING:rot13\n#BPM:300\n: 0 1 0 a", "encoding 'rot13' is not known"),
    ],
    ids=lambda value: value[:40] if isinstance(value, bytes) else None,
)
def test_a_file_that_is_no_lyrics(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "song.txt"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_line_of_100_mb_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "song.lrc"
    with path.open("wb") as file:
        file.truncate(100 << 20)
    tracemalloc.start()
    with pytest.raises(InputError, match="has more than 16 MB"):
        read(path)
    assert tracemalloc.get_traced_memory()[1] < 40 << 20
    tracemalloc.stop()


def refusal(name: str, text: str) -> str:
    """What is said against a text; of one that is read, that it has a line."""
    try:
        return f"line {len(FORMATS[name].read(text).lines)}"
    except BadRow as error:
        return str(error)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=30, deadline=None)
@given(text=st.text() | st.text("[]<>{}\\:-#0123.,kP BE*:\n>u/"))
def test_any_text_is_read_or_refused_by_its_line(name: str, text: str) -> None:
    assert refusal(name, text).startswith("line ")


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_damaged_song_is_read_or_refused_by_its_line(name: str, data: st.DataObject) -> None:
    text = FORMATS[name].write(FORMATS["ultrastar"].read(DUET)).text
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 3)) :]
    assert refusal(name, damaged).startswith("line ")


# Encodings

SONG = "#TITLE:Grüße\n#BPM:300\n: 0 4 0 Träu\n: 4 4 0 me\nE\n"


@pytest.mark.parametrize(
    "data",
    [
        SONG.encode(),
        codecs.BOM_UTF8 + SONG.encode(),
        SONG.encode("utf-16"),
        SONG.encode("utf-16-le"),
        SONG.encode("utf-16-be"),
        codecs.BOM_UTF16_BE + SONG.encode("utf-16-be"),
        SONG.encode("utf-32"),
        b"#ENCODING:CP1252\n" + SONG.encode("cp1252"),
        b"#TITLE:x\n#Encoding: cp850\n" + SONG.encode("cp850"),
        b"#ENCODING:auto\n" + SONG.encode(),
        SONG.replace("\n", "\r\n").encode(),
        SONG.replace("\n", "\r").encode(),
    ],
)
def test_encodings_and_line_ends(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "song.txt").write_bytes(data)
    found = read(tmp_path / "song.txt")
    assert found.lines[0].text == "Träume"
    assert "Grüße" in found.tags["title"]
    assert "encoding" not in found.tags
    assert found.warnings == ()


def test_windows_1252_is_taken_with_a_warning_and_others_by_name(tmp_path: Path) -> None:
    path = tmp_path / "song.txt"
    path.write_bytes(SONG.encode("cp1252"))
    found = read(path)
    assert found.lines[0].text == "Träume"
    assert "line 1 is not UTF-8" in found.warnings[0]
    path.write_bytes("[00:01.00]словами\n".encode("koi8-r"))
    assert read(path, encoding="KOI8-R").lines[0].text == "словами"
    with pytest.raises(InputError, match="'nothing' is not known"):
        read(path, encoding="nothing")


# Which format

SAMPLES = {
    "lrc": "[ti:a]\n[00:01.00]a\n",
    "ultrastar": DUET,
    "ass": "[Script Info]\n" + EVENTS + "Dialogue: 0,0:00:01.00,0:00:02.00,a\n",
    "srt": "\n1\n00:00:01,000 --> 00:00:02,000\na\n",
    "text": "a line\n- another\n",
}


@pytest.mark.parametrize("suffix", [".txt", ".lrc", ".ass", ".srt", ".unknown"])
@pytest.mark.parametrize("name", [name for name in FORMATS if name != "text"])
def test_the_content_decides_before_the_name(tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"song{suffix}"
    path.write_text(SAMPLES[name])
    assert read(path) == read(path, format=name)


@pytest.mark.parametrize(
    ("suffix", "words"), [(".lrc", "no time"), (".srt", "number"), (".x", "neither its name")]
)
def test_what_the_content_does_not_tell_the_name_does(tmp_path: Path, suffix, words) -> None:
    (tmp_path / f"song{suffix}").write_text(SAMPLES["text"])
    with pytest.raises(InputError, match=words):
        read(tmp_path / f"song{suffix}")


def test_anything_else_in_a_txt_is_plain_text(tmp_path: Path) -> None:
    (tmp_path / "song.txt").write_text(SAMPLES["text"])
    assert [line.text for line in read(tmp_path / "song.txt").lines] == ["a line", "- another"]


def test_writing_by_name(tmp_path: Path) -> None:
    timed = FORMATS["ultrastar"].read(DUET)
    plain = Lyrics((Line((Syllable("a"),)),))
    write(timed, tmp_path / "timed.txt")
    assert (tmp_path / "timed.txt").read_text().startswith("#TITLE:Two at Sea\n")
    write(plain, tmp_path / "plain.txt")
    assert (tmp_path / "plain.txt").read_text() == "a\n"
    with pytest.raises(OutputError, match=r"plain\.lrc: LRC needs a time for every line"):
        write(plain, tmp_path / "plain.lrc")
    with pytest.raises(UsageError, match=r"song\.doc: no format"):
        write(timed, tmp_path / "song.doc")
    with pytest.raises(UsageError, match="no format of lyrics is called 'doc'"):
        write(timed, tmp_path / "song.lrc", format="doc")
    with pytest.raises(OutputError, match=r"is there already"):
        write(timed, tmp_path / "plain.txt", overwrite=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain.txt", "timed.txt"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.lrc: cannot be read: no such file"):
        read(tmp_path / "gone.lrc")
    with pytest.raises(InputError, match="it is a folder"):
        read(tmp_path)


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, unweave.lyrics; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "torch", "av"} & set(done.stdout.split())
