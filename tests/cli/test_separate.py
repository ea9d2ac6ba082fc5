"""The main job, end to end, on real music with the real weights."""

import json
import os
import shutil
import signal
import struct
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests import processes
from unweave.audio.reader import Reader


@pytest.fixture(scope="module")
def separated(song, tmp_path_factory) -> Path:
    """A folder with the song's stems, made once."""
    from typer.testing import CliRunner

    from unweave.cli.app import app

    folder = tmp_path_factory.mktemp("separated")
    done = CliRunner().invoke(app, ["separate", str(song), "-o", str(folder)])
    assert done.exit_code == 0, done.stderr
    return folder / song.stem


def stem(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32")[0].T


def test_stems_are_a_separation_that_sums_to_the_mix(separated, song):
    vocals, rest = stem(separated / "vocals.wav"), stem(separated / "accompaniment.wav")
    with Reader(song) as reader:
        mix = np.concatenate(list(reader.blocks(44100)), axis=-1)
    assert vocals.shape == rest.shape == mix.shape
    lost = np.square(mix - vocals - rest).sum() / np.square(mix).sum()
    assert lost < 1e-9  # -90 dB
    correlation = np.corrcoef(vocals.ravel(), rest.ravel())[0, 1]
    assert abs(correlation) < 0.2
    shares = [np.square(part).sum() / np.square(mix).sum() for part in (vocals, rest)]
    assert all(0.1 < share < 0.9 for share in shares)


def test_what_it_says(separated, song, say, here):
    done = say("separate", song, "-o", "new", "--stems", "vocals", "-v")
    assert done.code == 0
    for words in ("new/example", "vocals", "dBFS", "LUFS", "null test -1", "x real time"):
        assert words in done.out
    assert "accompaniment" not in done.out
    assert sorted(path.name for path in Path("new/example").iterdir()) == [
        "report.json",
        "vocals.wav",
    ]
    assert f"{song.name}: at work" in done.err


def test_quiet_says_nothing(song, say, here, separated):
    done = say("separate", song, "-o", separated.parent, "-q")
    assert (done.code, done.out, done.err) == (0, "", "")
    done = say("separate", "gone.mp3", "-q")
    assert done.err.startswith("error: gone.mp3")


def test_second_run_skips_other_options_do_not(separated, song, say):
    before = {path: path.stat().st_mtime_ns for path in separated.iterdir()}
    done = say("separate", song, "-o", separated.parent, "--skip-existing")
    assert done.code == 0
    assert "finished already" in done.out
    done = say("separate", song, "-o", separated.parent, "--bandwidth", "model")
    assert done.code == 1
    assert "--overwrite" in done.err
    assert before == {path: path.stat().st_mtime_ns for path in separated.iterdir()}


def test_options_reach_the_model_and_the_report(song, say, here, separated):
    done = say(
        *("separate", song, "--json", "--bandwidth", "model", "--wiener", "--mask-exponent", "1"),
        *("--format", "flac", "--bit-depth", "16", "--seed", "7", "--device", "cpu"),
        *("--filename-template", "{model}/{parent}-{name}-{input_ext}-{stem}.{ext}"),
    )
    assert done.code == 0, done.err
    [file] = done.json["files"]
    assert file["report"]["request"]["separator"]["options"] == {
        "bandwidth": "model",
        "wiener": 1,
        "mask_exponent": 1.0,
    }
    name = f"stems/spleeter-2stems/{song.parent.name}-{song.stem}-mp3"
    assert file["outputs"]["vocals"] == f"{name}-vocals.flac"
    assert soundfile.info(f"{name}-vocals.flac").subtype == "PCM_16"
    assert json.loads(Path(f"{name}-report.json").read_text()) == file["report"]
    # Nothing above 11 kHz is left to the stems, and the mask is another one.
    new, old = stem(Path(f"{name}-vocals.flac")), stem(separated / "vocals.wav")
    assert not np.allclose(new, old, atol=1e-3)


def test_json_is_one_document_and_the_rest_is_on_stderr(song, start, here):
    shutil.copy(song, "a.mp3")
    Path("bad.mp3").write_text("text")
    done = start("separate", "--json", "a.mp3", "bad.mp3", "gone.mp3", "-o", "out")
    document = done.json  # all of stdout
    assert done.code == document["exit_code"] == 1
    assert document["counts"] == {"done": 1, "skipped": 0, "failed": 2, "cancelled": 0}
    by_name = {file["input"]: file for file in document["files"]}
    assert by_name["a.mp3"]["status"] == "done"
    assert by_name["a.mp3"]["error"] is None
    assert by_name["a.mp3"]["report"] == json.loads(Path("out/a/report.json").read_text())
    assert by_name["bad.mp3"]["error"]["kind"] == "InputError"
    assert by_name["gone.mp3"]["report"] is None
    assert "dBFS" in done.err
    assert done.err.count("error: ") == 2
    assert "3 files" in done.err


def test_names_that_are_hard_to_handle(song, start, here):
    names = ["-dash.mp3", "new\nline.mp3", "🎵 é.mp3", "[a] {b} 100%.mp3", ":smile: [bold]x.mp3"]
    for name in names:
        shutil.copy(song, name)
    # A terminal that knows ASCII only must not stop the work.
    done = start("separate", "--stems=vocals", "--", *names, PYTHONIOENCODING="ascii:strict")
    assert done.code == 0, done.err
    folders = {path.name for path in Path("stems").iterdir()}
    assert folders == {"-dash", "new_line", "🎵 é", "[a] {b} 100%", ":smile: [bold]x"}
    for folder in Path("stems").iterdir():
        assert sorted(path.name for path in folder.iterdir()) == ["report.json", "vocals.wav"]
    assert "new\\nline.mp3" in done.out


def test_a_name_that_is_not_utf8(song, start, here):
    name = os.fsdecode(b"caf\xe9.mp3")
    try:
        shutil.copy(song, name)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    done = start("separate", "--json", name)
    assert done.code == 0, done.err
    assert done.json["files"][0]["input"] == name
    assert json.loads(Path("stems/caf_/report.json").read_bytes())["input"][
        "path"
    ] == os.path.abspath(name)


def test_folders_keep_their_shape(song, say, here):
    for name in ("m/a.mp3", "m/sub/b.mp3"):
        Path(name).parent.mkdir(exist_ok=True)
        shutil.copy(song, name)
    os.symlink("..", "m/sub/loop")
    Path("m/sub/notes.txt").touch()
    done = say("separate", "m", "-o", "m/stems", "--stems", "vocals")
    assert done.code == 0
    assert sorted(str(path) for path in Path("m/stems").rglob("*.wav")) == [
        "m/stems/a/vocals.wav",
        "m/stems/sub/b/vocals.wav",
    ]
    assert "2 files" in done.out
    assert "2 done" in done.out
    again = say("separate", "m", "-o", "m/stems", "--stems", "vocals")
    assert "2 skipped" in again.out  # and the stems were not taken for recordings


def test_verify_and_spectrogram_and_info(separated, song, say, here):
    done = say("verify", separated)
    assert done.code == 0, done.out + done.err
    assert "agrees" in done.out
    picture = say("spectrogram", separated / "report.json", "-o", "x.png", "--json")
    assert picture.json == {"picture": "x.png"}
    assert Path("x.png").read_bytes().startswith(b"\x89PNG")
    [facts] = say("info", song, "--json", "--loudness").json
    assert (facts["codec"], facts["sample_rate_hz"], facts["channels"]) == ("mp3", 44100, 2)
    assert facts["samples"] == stem(separated / "vocals.wav").shape[1]
    assert "44100 Hz" in say("info", song).out
    assert say("info", song, "-q").out == ""
    mixed = say("info", song, "gone.mp3", "--json")
    assert mixed.code == 1
    assert [("error" in facts) for facts in mixed.json] == [False, True]


def test_verify_says_by_how_much_it_differs(separated, say, here):
    shutil.copytree(separated, "copy")
    sound, rate = soundfile.read("copy/vocals.wav", dtype="float32")
    soundfile.write("copy/vocals.wav", sound * 1.01, rate, subtype="FLOAT")
    done = say("verify", "copy")
    assert done.code == 1
    assert "DIFFERS" in done.out
    assert "40.1 dB" in done.out
    [verdict] = say("verify", "copy", "--json").json
    assert [stem["on_disk"] for stem in verdict["stems"]] == [
        "changed since the report",
        "as reported",
    ]


@pytest.fixture
def long_song(here) -> Path:
    rng = np.random.default_rng(0)
    noise = (1000 * rng.standard_normal(44100 * 240)).astype(np.int16)
    soundfile.write("long.wav", noise, 44100)
    return Path("long.wav")


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(("number", "jobs"), [(signal.SIGTERM, "1"), (signal.SIGINT, "2")])
def test_interrupted_leaves_nothing_half_written(long_song, command, gone, number, jobs):
    shutil.copy(long_song, "other.wav")
    arguments = ["separate", "long.wav", "other.wav", "--json", "--jobs", jobs]
    with processes.Popen(
        [*command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        while not list(Path().glob("stems/*/.*.partial")):  # it has begun to write
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert json.loads(out)["exit_code"] == 130
    assert {file["status"] for file in json.loads(out)["files"]} == {"cancelled"}
    assert "interrupted" in err
    assert "Traceback" not in err
    gone(process)
    assert list(Path().glob("stems/**/*")) == []


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_second_interrupt_stops_at_once(long_song, command):
    with processes.Popen(
        [*command, "separate", "long.wav"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not list(Path().glob("stems/*/.*.partial")):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert [path for path in Path("stems").rglob("*") if path.is_file()] == []


def test_first_words_come_before_torch(song, here, command):
    """What is shown at once does not wait for the seconds that torch takes to import."""
    code = (
        "import sys, builtins\n"
        "from unweave.cli.app import main\n"
        "class Watch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'torch': print('TORCH', file=sys.stderr, flush=True)\n"
        "sys.meta_path.insert(0, Watch())\n"
        f"sys.argv = ['unweave', 'separate', {str(song)!r}]\n"
        "main()\n"
    )
    done = subprocess.run(
        [command[0], "-c", code], capture_output=True, text=True, check=True, cwd=here
    )
    assert done.stderr.index("at work") < done.stderr.index("TORCH")


def test_silence_is_said_in_words(here, say):
    soundfile.write("quiet.wav", np.zeros((8000, 2)), 8000, subtype="FLOAT")
    said = say("separate", "quiet.wav", "-m", "hpss").out
    assert said.count("  silent  ") == 2
    for figure in ("-300", "inf", "nan", "null test", "real-time factor"):
        assert figure not in said
    assert said.count("real time") <= 1


def placed_wav(path: Path, place: int) -> None:
    """A Broadcast WAV, a second of mono noise at 8 kHz, that begins at `place` on its timeline."""
    about = struct.pack(
        "<256s32s32s10s8sQH254x", b"take", b"", b"ref", b"2020-01-02", b"", place, 1
    )
    sound = np.random.default_rng(0).integers(-3000, 3000, 8000, np.int16).tobytes()
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    chunks = b"".join(
        name + struct.pack("<I", len(content)) + content
        for name, content in ((b"bext", about), (b"fmt ", form), (b"data", sound))
    )
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)


def bext_place(path: Path) -> int:
    content = path.read_bytes()
    [place] = struct.unpack_from("<Q", content, content.index(b"bext") + 8 + 338)
    return place


@pytest.mark.parametrize("depth", ["16", "32"])
@pytest.mark.parametrize(
    ("part", "later"), [((), 0), (("--start", "0.25"), 2000), (("--end", "0.5"), 0)]
)
def test_stems_lie_where_the_recording_lies_on_its_timeline(here, say, part, later, depth):
    place = 2**33 + 7
    placed_wav(Path("a.wav"), place)
    assert bext_place(Path("a.wav")) == place
    done = say("separate", "a.wav", "-m", "hpss", "--bit-depth", depth, *part)
    assert done.code == 0, done.err
    for name in ("harmonic", "percussive"):
        assert bext_place(Path(f"stems/a/{name}.wav")) == place + later
    report = json.loads(Path("stems/a/report.json").read_text())
    assert report["input"]["tags"]["time_reference"] == str(place)  # the recording's own
    assert say("verify", "stems/a").code == 0


NO_RESIDUAL = "has no residual, as its stems sum to the mix; it has"


@pytest.mark.parametrize(
    ("model", "settings", "names"),
    [
        ("spleeter-2stems", (), "vocals, accompaniment"),
        ("mir1k-unet", (), "vocals, accompaniment"),
        ("hpss", ("--wiener",), "harmonic, percussive"),
    ],
)
@pytest.mark.parametrize("stems", ["residual", "vocals,residual"])
def test_without_a_residual_it_is_refused_before_work(here, say, model, settings, names, stems):
    soundfile.write("a.wav", np.zeros((800, 1)), 8000)
    stems = stems.replace("vocals", names.partition(",")[0])
    done = say("separate", "a.wav", "-m", model, *settings, "--stems", stems)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"error: {model} {NO_RESIDUAL} {names}\n"
    typo = say("separate", "a.wav", "-m", model, *settings, "--stems", "kazoo")
    others = "'unweave models list' shows others"
    assert typo.err == f"error: {model} has no stem 'kazoo'; it has {names}; {others}\n"


@pytest.mark.parametrize(
    ("model", "setting", "names"),
    [
        ("hpss", "margin=2", ["harmonic", "percussive"]),
        ("spleeter-2stems", "bandwidth=model", ["vocals", "accompaniment"]),
        ("mir1k-demucs", "wiener=0", ["vocals", "accompaniment"]),
    ],
)
def test_a_residual_is_a_stem_that_can_be_asked_for(here, say, model, setting, names):
    mix = 0.1 * np.random.default_rng(0).standard_normal((16000, 2), dtype=np.float32)
    soundfile.write("a.wav", mix, 16000, subtype="FLOAT")
    how = ("a.wav", "-m", model, "--set", setting)

    def separated(folder: str, stems: str) -> dict[str, np.ndarray]:
        done = say("separate", *how, "-o", folder, "--stems", stems)
        assert done.code == 0, done.err
        return {path.stem: stem(path) for path in Path(folder, "a").glob("*.wav")}

    assert list(alone := separated("alone", "residual")) == ["residual"]
    two = separated("two", f"residual,{names[0]}")
    assert set(two) == {"residual", names[0]}
    assert np.array_equal(alone["residual"], two["residual"])
    everything = separated("three", ",".join([*names, "residual"]))
    assert np.abs(sum(everything.values()) - mix.T).max() < 1e-6
    default = say("separate", *how, "-o", "all", "--json").json["files"][0]["outputs"]
    assert list(default) == names
    typo = say("separate", *how, "--stems", "drums")
    assert f"it has {', '.join(names)}, residual; these have it: " in typo.err


def test_a_residual_of_several_files_at_a_time(here, start):
    for name in ("a.wav", "b.wav"):
        soundfile.write(name, np.random.default_rng(0).uniform(-0.1, 0.1, (8000, 1)), 8000)
    how = ("-m", "hpss", "--set", "margin=2", "--stems", "residual", "--jobs", "2")
    done = start("separate", "a.wav", "b.wav", *how)
    assert done.code == 0, done.err
    assert sorted(map(str, Path("stems").rglob("*.wav"))) == [
        "stems/a/residual.wav",
        "stems/b/residual.wav",
    ]


def test_the_closing_list_has_the_reasons(here, say):
    soundfile.write("a.wav", np.zeros((800, 1)), 8000)
    Path("dead.wav").write_text("no sound at all")
    done = say("separate", "a.wav", "dead.wav", "gone.wav", "-m", "hpss")
    closing = done.err[done.err.index("  failed: ") :].splitlines()
    assert [line for line in closing if line.startswith("  failed: gone.wav: no such file")]
    assert [line for line in closing if "  failed: dead.wav: cannot be read" in line]
    assert len(closing) == 2
