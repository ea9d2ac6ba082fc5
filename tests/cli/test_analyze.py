"""`unweave analyze` from the outside."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import LONG
from tests.apps.analyze.sounds import song, write_song


@pytest.fixture
def recording(here: Path) -> Path:
    return write_song(here, song(120, 4, bars=3)).relative_to(here)


def test_says_what_it_found(recording, say):
    words = ("analyze", recording, "--stems-from", "stems")
    done = say(*words)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[1] == "  folder  analyses/song"
    assert lines[2].startswith("  tempo ")
    assert float(lines[2].split()[1]) == pytest.approx(120, rel=0.005)
    assert lines[2].endswith("on drums and mix)")
    assert "  key     C major" in done.out
    assert "  voice   A4 to E5" in done.out
    assert "  found   13 beats, 4 bars, 1 key, 1 section, 3 passages, 8 melody notes" in done.out
    assert say(*words).out == (
        "song.wav: finished already in analyses/song, skipped; --overwrite repeats it\n"
    )


def test_what_is_not_sure_is_left_out_and_said(recording: Path, say) -> None:
    done = say("analyze", recording, "--no-separate", "--least", "1", "--json")
    report = done.json["files"][0]["report"]
    assert report["tempo"] is report["key"] is None
    assert any(line.startswith("tempo: ") for line in report["left_out"])
    beats = next(item for item in report["lanes"] if item["lane"] == "beats")
    assert beats["least_confidence"] == 1
    assert all(sure == 1 for *_, sure in beats["events"])
    assert beats["left_out"] > 0
    assert f"beats: {beats['left_out']} with a confidence below 1" in report["left_out"]


def test_a_batch_goes_on_behind_what_cannot_be_read(recording: Path, say) -> None:
    Path("bad.wav").write_bytes(b"no sound")
    done = say("analyze", "bad.wav", recording, "--no-separate", "--end", "3", "--json")
    assert done.code == 1
    assert [item["status"] for item in done.json["files"]] == ["failed", "done"]
    assert "bad.wav" in done.err
    assert not Path("analyses/bad").exists()
    assert not list(Path("analyses").rglob(".unweave*"))


def test_a_batch_takes_the_stems_of_each_song_from_its_own_folder(recording, say) -> None:
    Path("album").mkdir()
    for name in ("one", "two", "three"):
        shutil.copy(recording, f"album/{name}.wav")
    for name in ("one", "two"):
        shutil.copytree("stems", f"apart/{name}")
    Path("apart/two/drums.wav").unlink()
    words = ("--stems-from", "apart", "--export", "csv", "--json")
    done = say("analyze", "album", *words)
    found = {Path(item["input"]).stem: item for item in done.json["files"]}
    assert {name: item["status"] for name, item in found.items()} == {
        "one": "done", "two": "done", "three": "failed",
    }  # fmt: skip
    assert "apart: holds no sound files" in found["three"]["error"]["message"]
    drums = [
        "drums" in {track["stem"] for track in found[name]["report"]["tracks"]}
        for name in ("one", "two")
    ]
    assert drums == [True, False]


def test_weights_that_were_fetched_since_are_another_request(recording, say, monkeypatch) -> None:
    words = ("analyze", recording, "--no-separate", "--end", "2", "--export", "csv")
    monkeypatch.setattr("unweave.registry.estimators.here", lambda model: False)
    assert say(*words).code == 0
    assert "skipped" in say(*words).out
    monkeypatch.setattr("unweave.registry.estimators.here", lambda model: True)
    done = say(*words)
    assert (done.code, "with other options; use --overwrite" in done.err) == (1, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--export", "pdf"], "there is no export 'pdf'"),
        (["--least", "2"], "--least must be a number from 0 to 1; got 2"),
        (["--no-separate", "-m", "hpss"], "--no-separate and --model exclude each other"),
        (["--stems-from", "stems", "-m", "hpss"], "--stems-from and --model exclude each other"),
        (["--stems-from", "stems", "--start", "1"], "leave out the start and the end"),
        (["-m", "nothing"], "no model is called 'nothing'"),
        (["--stems-from", "gone"], "gone: cannot be read"),
    ],
)
def test_what_cannot_be_is_one_line(recording, say, words, message) -> None:
    done = say("analyze", recording, *words)
    assert done.code != 0
    assert message in done.err
    assert done.err.count("\n") <= 2
    assert not list(Path("analyses").rglob("*.json"))


WORDS = ("analyze", "-q", "--no-separate", "song.wav")
MADE = {"analysis.json", "analysis.jams", "analysis.mid", "events.csv", "pitch.csv", "stems.csv"}
# `unweave`, which sends itself a signal before it gives the second file its name.
NAMING = """
import os, signal, sys
from unweave.cli.app import main
from unweave.core.atomic import Hidden

how, place, given = int(sys.argv.pop(1)), Hidden.place, []

def placing(self, **options):
    given.append(self)
    if len(given) == 2:
        os.kill(os.getpid(), how)
    place(self, **options)

Hidden.place = placing
main()
"""


def names(folder: Path) -> set[str]:
    """Of the files that are no labels; `.unweave` for what is hidden."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "labels"]
    return {path.name[:8] if ".unweave" in str(path) else path.name for path in files}


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_after_a_kill_between_two_names_the_same_command_goes_on(recording: Path, say) -> None:
    done = subprocess.run([sys.executable, "-c", NAMING, str(int(signal.SIGKILL)), *WORDS])
    assert done.returncode == -signal.SIGKILL
    assert "analysis.json" not in names(Path("analyses"))
    assert say(*WORDS).code == 0
    assert names(Path("analyses/song")) == MADE


@LONG
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_ended_at_random_moments_it_goes_on(
    recording: Path, say, command: list[str], how: signal.Signals
) -> None:
    for n in range(int(os.environ.get("UNWEAVE_KILLS", "2"))):
        way = ["-m", "hpss"] if n % 2 else ["--no-separate"]
        words = ["analyze", "-q", "song.wav", *way, "-o", f"out{n}"]
        process = subprocess.Popen([*command, *words])
        while process.poll() is None and not Path(f"out{n}").exists():
            time.sleep(0.002)
        time.sleep(random.uniform(0, 1.0))
        process.send_signal(how)
        process.wait()
        found = names(Path(f"out{n}"))
        assert "analysis.json" not in found or found == MADE
        if how == signal.SIGINT:  # it cleans up itself
            assert found in (set(), MADE)
        assert say(*words).code == 0
        assert names(Path(f"out{n}")) == MADE
