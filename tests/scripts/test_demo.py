"""`make demo` takes a song, a folder of songs, or nothing."""

import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import soundfile
from tests import processes

from scripts import demo

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _begun_at_once(monkeypatch) -> None:
    begun = SimpleNamespace(run=processes.run, PIPE=subprocess.PIPE)
    monkeypatch.setattr(demo, "subprocess", begun)


def test_a_folder_is_separated_file_by_file(tmp_path, monkeypatch, capfd, make_wave):
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        Path("album").mkdir(exist_ok=True)
        soundfile.write(f"album/{name}.wav", make_wave(2, 4410).T, 44100)
    assert demo.main("album/") == 0
    said = capfd.readouterr()
    assert "Traceback" not in said.err
    for name in ("one", "two"):
        assert Path("stems", name, "vocals.wav").is_file()
        assert Path("stems", name, "spectrogram.png").is_file()
        assert f"stems/{name}/vocals.wav" in said.out


def test_other_stems_of_a_song_are_not_written_over(tmp_path, monkeypatch, capfd, make_wave):
    monkeypatch.chdir(tmp_path)
    soundfile.write("one.wav", make_wave(2, 4410).T, 44100)
    assert demo.main("one.wav") == 0
    assert demo.main("one.wav") == 0  # the same again: the stems are there, the picture is drawn
    Path("stems/one/vocals.wav").write_bytes(b"my own edit")
    assert demo.main("one.wav") != 0
    assert "--overwrite" in capfd.readouterr().err
    assert Path("stems/one/vocals.wav").read_bytes() == b"my own edit"


def test_a_model_has_a_folder_of_its_own(tmp_path, monkeypatch, capfd, make_wave):
    monkeypatch.chdir(tmp_path)
    soundfile.write("one.wav", make_wave(2, 4410).T, 44100)
    assert demo.main("one.wav", "hpss") == 0
    said = capfd.readouterr().out
    assert "stems/hpss/one/percussive.wav" in said
    assert "null test" in said
    assert demo.main("one.wav", "no-such-model") == 2
    assert "no-such-model" in capfd.readouterr().err


def test_what_the_stems_leave_is_written_too():
    assert "drums,bass,other,vocals,residual" in demo.options("htdemucs")
    assert demo.options("") == []


def test_pip_is_quiet_only_where_nobody_looks():
    """Within `$( )` standard output is a pipe, so it cannot say whether a terminal is there."""
    recipe = re.search(r"^PIP := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    assert "[ -t 2 ]" in recipe[1]
