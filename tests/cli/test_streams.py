"""Streams that are closed, missing or full stop no work, and give no traceback."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests import processes

FULL = Path("/dev/full")


@pytest.fixture
def sound(here: Path) -> Path:
    soundfile.write("a.wav", 0.1 * np.random.default_rng(0).standard_normal(8000), 8000)
    return here


def shell(command: list[str], words: str) -> subprocess.CompletedProcess[str]:
    """A command line with redirections."""
    line = f"{' '.join(command)} {words}"
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)


def into_full(command: list[str], words: str, stream: str) -> subprocess.CompletedProcess[str]:
    """A command, one of whose streams takes nothing."""
    with FULL.open("w") as full:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: full}
        return processes.run([*command, *words.split()], text=True, **streams)


@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&- <&-"])
def test_closed_streams_are_as_the_null_device(sound: Path, command: list[str], closed: str):
    done = shell(command, f"separate a.wav -m hpss {closed}")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    for stem in ("harmonic", "percussive"):
        wave, _ = soundfile.read(f"stems/a/{stem}.wav")  # nobody's words are in it
        assert len(wave) == 8000
    assert shell(command, f"info a.wav {closed}").returncode == 0


@pytest.mark.skipif(not FULL.exists(), reason="no such device")
@pytest.mark.parametrize("words", ["info a.wav", "info a.wav --json", "models list", "--help"])
def test_a_full_stdout_is_one_line(sound: Path, command: list[str], words: str):
    done = into_full(command, words, "stdout")
    assert done.returncode == 1
    assert done.stderr.startswith("error: standard output: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not FULL.exists(), reason="no such device")
def test_work_goes_on_without_words(sound: Path, command: list[str]):
    done = into_full(command, "separate a.wav -m hpss --json", "stdout")
    assert done.returncode == 1
    assert done.stderr.count("error: ") == 1
    assert Path("stems/a/report.json").exists()
    done = into_full(command, "separate a.wav -m hpss -o other", "stderr")
    assert done.returncode == 0
    assert Path("other/a/report.json").exists()
