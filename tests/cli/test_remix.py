"""`unweave remix` from the outside."""

from pathlib import Path

import numpy as np
import pytest

from tests import LONG
from tests.apps.remix.sounds import noise, read, write

HPSS = ("-m", "hpss", "-o", "out")


@pytest.fixture
def song(here: Path) -> Path:
    return write(Path("song.wav"), noise(1.0))


def test_remixes_and_says_what_it_did(song, say):
    done = say("remix", song, *HPSS, "--gain", "percussive=-6", "--pan", "harmonic=0.5")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[1] == "  folder  out/song"
    assert [line.split()[0] for line in lines[2:6]] == [
        "remix", "harmonic", "percussive", "residual",
    ]  # fmt: skip
    assert lines[6] == "  files  remix.wav"
    assert say("remix", song, *HPSS, "--gain", "percussive=-6", "--pan", "harmonic=.5").out == (
        "song.wav: finished already in out/song, skipped; --overwrite repeats it\n"
    )


def test_options_win_over_the_file_and_what_is_in_force_is_written(song, say):
    Path("mix.toml").write_text("[stems.harmonic]\ngain = -3\nmute = true\n")
    words = ("--mix", "mix.toml", "--gain", "harmonic=2", "--write-mix", "now.toml")
    assert say("remix", song, *HPSS, *words).code == 0
    assert Path("now.toml").read_text() == "[stems.harmonic]\ngain = 2.0\nmute = true\n"
    before = read(Path("out/song/remix.wav"))
    again = say("remix", song, *HPSS[:2], "-o", "again", "--mix", "now.toml")
    assert again.code == 0
    np.testing.assert_array_equal(read(Path("again/song/remix.wav")), before)
    refused = say("remix", song, *HPSS, "--write-mix", "now.toml")
    assert (refused.code, "now.toml: is there; use --overwrite" in refused.err) == (2, True)


def test_a_batch_goes_on_behind_a_song_that_fails(song, say):
    write(Path("album/one.wav"), noise(1.0, seed=1))
    Path("album/two.wav").write_bytes(b"no sound")
    Path("album/notes.txt").write_text("words")
    done = say("remix", "album", "*.wav", "gone.mp3", *HPSS, "--mute", "percussive", "--json")
    assert done.code == 1
    found = done.json
    assert [file["status"] for file in found["files"]] == ["failed", "done", "failed", "done"]
    assert found["counts"]["done"] == 2
    assert found["passed_over"] == ["album/notes.txt"]
    report = found["files"][1]["report"]
    assert report["mix"] == {"stems": {"percussive": {"mute": True}}}
    assert sorted(str(path) for path in Path("out").rglob("*.wav")) == [
        "out/one/remix.wav", "out/song/remix.wav",
    ]  # fmt: skip
    assert not Path("out/two").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--gain", "harmonic=nan"], "--gain of harmonic: must be a number from -60 to 60 dB"),
        (["--gain", "harmonic=inf"], "got inf"),
        (["--gain", "harmonic=-61"], "got -61.0"),
        (["--gain", "harmonic"], "--gain takes STEM=NUMBER, as in vocals=...; got 'harmonic'"),
        (["--gain", "harmonic=loud"], "--gain takes STEM=NUMBER, as in harmonic=1; got"),
        (["--mute", "vocals"], "hpss has no stem 'vocals'; it has harmonic, percussive, residual"),
        (["--export", "mp4"], "there is no export 'mp4'"),
        (["-o", "out.wav"], "out.wav: stems go into a folder"),
        (["-m", "nothing"], "no model is called 'nothing'"),
        (["--set", "colour=1"], "hpss has no option 'colour'"),
        (["--mix", "bad.toml"], "bad.toml, line 2: unknown key 'gian'"),
    ],
)
def test_what_cannot_be_is_one_line_before_any_work(song, say, words, message):
    Path("bad.toml").write_text("[stems.harmonic]\ngian = 1\n")
    done = say("remix", song, *HPSS, *words)
    assert done.code == 2
    [line] = [line for line in done.err.splitlines() if line.startswith("error:")]
    assert message in line
    assert not Path("out").exists()


def test_two_songs_of_one_name_are_kept_apart(song, say):
    write(Path("more/song.flac.wav"), noise(0.5))
    Path("more/song.flac.wav").rename("more/song.wav")
    done = say("remix", song, "more/song.wav", *HPSS)
    assert done.code == 2
    assert "song.wav and more/song.wav would both be written to out/song; name" in done.err


def test_a_pattern_finds_folders_of_stems(song, say):
    assert say("separate", song, "-m", "hpss").code == 0
    done = say("remix", "stems/*", "-o", "out", "--mute", "harmonic")
    assert (done.code, Path("out/song/remix.wav").is_file()) == (0, True)


def test_stems_that_are_read_are_not_written_over(song, say):
    names = ("--filename-template", "{name}/01 {stem}.{ext}")
    assert say("separate", song, "-m", "hpss", *names).code == 0
    Path("stems/song/01 report.json").rename("stems/song/report.json")
    before = Path("stems/song/01 harmonic.wav").read_bytes()
    done = say("remix", "stems/song", "-o", "stems", "--stems", "--overwrite", "--mute", "harmonic")
    assert (done.code, "01 harmonic.wav: is read, and would be" in done.err) == (2, True)
    assert Path("stems/song/01 harmonic.wav").read_bytes() == before


@pytest.mark.parametrize("verb", ["remix", "analyze"])
def test_a_model_for_stems_that_are_there_is_refused(song, say, verb):
    assert say("separate", song, "-m", "hpss").code == 0
    done = say(verb, "stems/song", "-m", "hpss", "-o", "out")
    assert (done.code, "stems/song: brings its stems; leave out --model" in done.err) == (2, True)


def test_a_report_of_a_use_is_no_separation_to_verify(song, say):
    assert say("remix", song, *HPSS).code == 0
    done = say("verify", "out/song/remix.json")
    assert done.code == 2
    assert "remix.json: is the report of 'unweave remix'; name one that 'unweave separ" in done.err


@LONG
def test_several_songs_at_a_time_give_the_same_files(song, say):
    write(Path("other.wav"), noise(1.0, seed=2))
    Path("bad.wav").write_bytes(b"no sound")
    words = ("remix", song, "bad.wav", "other.wav", "-m", "hpss", "--stems", "--json")
    done = say(*words, "-o", "out", "--jobs", "3")
    assert [file["status"] for file in done.json["files"]] == ["done", "failed", "done"]
    alone = say(*words, "-o", "alone")
    for both, one in zip(done.json["files"], alone.json["files"], strict=True):
        made = [file and [item["sha256"] for item in file["stems"]] for file in
                (both["report"], one["report"])]  # fmt: skip
        assert made[0] == made[1]
    assert not list(Path("out").rglob(".unweave-*"))
