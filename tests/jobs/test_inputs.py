"""From arguments to recordings: what is found, in what order, and what is named as missing."""

import json
import os
from pathlib import Path

import pytest

from unweave.jobs.inputs import AUDIO_EXTENSIONS, expand, in_words


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def paths(*arguments: str, output: str = "stems") -> list[str]:
    return [str(item.path) for item in expand(arguments, Path(output))[0]]


def missed(*arguments: str) -> list[tuple[str, bool]]:
    return [(str(item.path), item.empty) for item in expand(arguments, Path("stems"))[1]]


def test_folder_is_searched_recursively_and_sorted(here):
    touch("m/b.mp3", "m/a.WAV", "m/z/c.flac", "m/d/e/f.webm", "m/notes.txt", "m/cover.jpg")
    assert paths("m") == ["m/a.WAV", "m/b.mp3", "m/d/e/f.webm", "m/z/c.flac"]
    folders = [str(item.subfolder) for item in expand(["m"], Path("stems"))[0]]
    assert folders == [".", ".", "d/e", "z"]


def test_named_file_is_taken_whatever_its_extension(here):
    touch("odd.xyz", "none")
    assert paths("odd.xyz", "none") == ["odd.xyz", "none"]


def test_each_file_once_in_the_order_given(here):
    touch("m/a.mp3", "m/b.mp3")
    assert paths("m/b.mp3", "m", "./m/a.mp3") == ["m/b.mp3", "m/a.mp3"]


def test_hidden_files_and_folders_are_passed_over_in_a_folder_but_not_when_named(here):
    touch("m/.a.mp3", "m/._b.mp3", "m/.git/c.mp3", "m/d.mp3")
    assert paths("m") == ["m/d.mp3"]
    assert paths("m/.a.mp3") == ["m/.a.mp3"]


def test_symlink_loops_end_and_every_folder_is_visited_once(here):
    touch("m/a.mp3", "m/s/b.mp3")
    os.symlink("..", "m/s/up")
    os.symlink(".", "m/self")
    os.symlink("s", "m/twice")
    assert [Path(path).name for path in paths("m")] == ["a.mp3", "b.mp3"]


def test_a_file_that_links_to_itself_is_named(here):
    Path("m").mkdir()
    os.symlink("loop.mp3", "m/loop.mp3")
    assert paths("m") == ["m/loop.mp3"]  # the reader says why it cannot be read
    assert missed("m/loop.mp3") == [("m/loop.mp3", False)]


def test_output_folder_inside_a_folder_is_not_searched(here):
    touch("a.mp3", "stems/a/vocals.wav")
    assert paths(".") == ["a.mp3"]
    assert paths("stems", output="stems") == ["stems/a/vocals.wav"]  # asked for by name


def test_own_stems_are_passed_over_where_a_report_names_them(here):
    touch("m/a.mp3", "m/a/vocals.wav", "m/a/other.wav")
    report = {
        "unweave": "1",
        "input": {},
        "separator": {},
        "output": {},
        "stems": [{"stem": "vocals", "path": "vocals.wav"}],
    }
    Path("m/a/report.json").write_text(json.dumps(report))
    assert paths("m", output="elsewhere") == ["m/a.mp3", "m/a/other.wav"]
    Path("m/a/report.json").write_text('{"stems": [{"path": "vocals.wav"}]}')  # not ours
    assert "m/a/vocals.wav" in paths("m", output="elsewhere")


@pytest.mark.parametrize("folder", ["a report", "z report"])
def test_own_stems_are_passed_over_where_their_report_lies_elsewhere(here, folder):
    touch("m/a.mp3", "m/vocals/a.wav", f"m/{folder}/a.json")
    report = {"unweave": "1", "stems": [{"stem": "vocals", "path": "../vocals/a.wav"}]}
    Path(f"m/{folder}/a.json").write_text(json.dumps(report))
    assert paths("m", output="m") == ["m/a.mp3"]
    Path("m/a.mp3").unlink()
    [only_ours] = expand(["m"], Path("stems"))[1]
    assert only_ours.reason.startswith("holds no recording but what unweave wrote; ")


@pytest.mark.parametrize("text", ["", "[1, 2", "[" * 100_000, '{"stems": 1}', "\udce9"])
def test_json_that_is_no_report_does_no_harm(here, text):
    touch("m/a.mp3")
    Path("m/x.json").write_bytes(text.encode(errors="surrogateescape"))
    assert paths("m") == ["m/a.mp3"]


def test_a_pipe_that_is_called_as_a_report_is_not_waited_for(here):
    touch("m/a.mp3")
    os.mkfifo("m/report.json")
    assert paths("m") == ["m/a.mp3"]


def test_patterns_that_the_shell_left_alone(here):
    touch("m/a.mp3", "m/b.mp3", "m/c.wav", "m/deep/er/d.mp3")
    assert paths("m/*.mp3") == ["m/a.mp3", "m/b.mp3"]
    assert paths("m/**/*.mp3") == ["m/a.mp3", "m/b.mp3", "m/deep/er/d.mp3"]
    assert paths("m/d*") == ["m/deep/er/d.mp3"]  # a folder that matches is searched


def test_a_name_that_looks_like_a_pattern_is_a_name(here):
    touch("song [live].mp3", "what?.mp3", "song l.mp3")
    assert paths("song [live].mp3", "what?.mp3") == ["song [live].mp3", "what?.mp3"]


@pytest.mark.parametrize("name", ["-dash.mp3", "new\nline.mp3", "🎵 é.mp3", "a b.mp3", "a\\b.mp3"])
def test_strange_names(here, name):
    touch(f"m/{name}")
    assert paths(f"m/{name}") == paths("m") == [f"m/{name}"]


def test_name_that_is_not_utf8(here):
    name = os.fsdecode(b"m/caf\xe9.mp3")
    try:
        touch(name)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert paths("m") == [name]


def test_what_gives_nothing_is_named_with_its_reason(here):
    touch("m/notes.txt")
    assert missed("gone.mp3") == [("gone.mp3", False)]
    assert missed("*.mp3", "m", "") == [("*.mp3", True), ("m", True), (".", False)]
    assert "no audio" in expand(["m"], Path("stems"))[1][0].reason


def test_what_is_no_regular_file_is_refused_without_opening_it(here):
    os.mkfifo("pipe.mp3")
    assert missed("pipe.mp3") == [("pipe.mp3", False)]
    touch("m/a.mp3")
    os.mkfifo("m/pipe.mp3")
    assert paths("m") == ["m/a.mp3"]


def test_folder_that_cannot_be_searched_is_named(open_folder, ordinary_user, monkeypatch):
    monkeypatch.chdir(open_folder)
    touch("m/a.mp3", "m/locked/b.mp3")
    os.chmod("m/locked", 0)
    with ordinary_user():
        assert paths("m") == ["m/a.mp3"]
        assert missed("m") == [("m/locked", False)]


def test_a_folder_that_may_be_listed_but_not_entered_stops_nothing(
    open_folder, ordinary_user, monkeypatch
):
    monkeypatch.chdir(open_folder)
    touch("m/a.mp3", "m/locked/b.mp3", "m/locked/c")
    os.chmod("m/locked", 0o444)
    with ordinary_user():
        assert paths("m") == ["m/a.mp3"]


def test_every_format_of_the_readme_has_its_extension():
    wanted = "wav aiff flac ogg opus mp3 m4a aac wma mp4 mkv webm".split()
    assert {f".{name}" for name in wanted} <= AUDIO_EXTENSIONS


def test_what_a_folder_holds_besides_is_counted(here):
    touch("m/a.mp3", "m/b.gsm", "m/noext", "m/d/c.GSM", "m/.hidden")
    found, missed, passed_over = expand(["m"], Path("stems"))
    assert (len(found), missed) == (1, [])
    assert in_words(passed_over) == (
        "passed over 3 files that are no sound (.gsm: 2, no extension: 1); "
        "to take one anyway, give its name"
    )
    assert in_words(passed_over[:1]).startswith("passed over 1 file that is no sound (.gsm: 1); ")
    assert in_words([]) == ""
    assert paths("m/noext") == ["m/noext"]


def test_in_a_folder_the_content_decides(here, ffmpeg_file, make_wave, png):
    """Whatever they are called, recordings are found; what is none is passed over."""
    Path("m").mkdir()
    wave = make_wave(2, 4000)
    for muxer, codec, sample_format in [
        ("wav", "pcm_s16le", "s16"),
        ("w64", "pcm_s16le", "s16"),
        ("aiff", "pcm_s16be", "s16"),
        ("caf", "pcm_s16be", "s16"),
        ("au", "pcm_s16be", "s16"),
        ("flac", "flac", "s16"),
        ("ogg", "flac", "s16"),
        ("wv", "wavpack", "flt"),
        ("tta", "tta", "s16"),
        ("mp4", "aac", "flt"),
        ("mov", "pcm_s16le", "s16"),
        ("adts", "aac", "flt"),
        ("ac3", "ac3", "flt"),
        ("asf", "pcm_s16le", "s16"),
        ("matroska", "pcm_s16le", "s16"),
        ("avi", "pcm_s16le", "s16"),
        ("mpegts", "aac", "flt"),
    ]:
        ffmpeg_file(Path("m", f"{muxer}.x"), muxer, codec, 44100, wave, sample_format=sample_format)
    for name, options in [("mp3", {}), ("bare-mp3", {"id3v2_version": "0", "write_xing": "0"})]:
        ffmpeg_file(
            Path("m", name), "mp3", "libmp3lame", 44100, wave, sample_format="s16",
            muxer_options=options,
        )  # fmt: skip
    recordings = sorted(str(path) for path in Path("m").iterdir())
    nothing = {
        "cover": png,
        "cover.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(99),
        "cover.heic": b"\x00\x00\x00\x18ftypheic" + bytes(99),
        "cover.webp": b"RIFF\x00\x01\x00\x00WEBPVP8 " + bytes(99),
        "utf16.txt": "\ufeffNotes on sound".encode("utf-16-le"),
        "notes": b"RIFF is a container. WAVE is one. ID3 is a tag.",
        "data.bin": bytes(range(256)) * 200,
        "ones.bin": b"\xff" * 5000,
        "zeros.bin": bytes(5000),
        "sync.bin": b"\xff\xf1" + bytes(5000),
        "empty": b"",
    }
    for name, content in nothing.items():
        Path("m", name).write_bytes(content)
    os.mkfifo("m/pipe")
    assert paths("m") == recordings
    passed_over = expand(["m"], Path("stems"))[2]
    assert {item.path.name for item in passed_over} == {*nothing, "pipe"}
