"""The examples of docs/serve.md, run against a service."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "serve.md"
ADDRESS = "http://127.0.0.1:8750"


@pytest.fixture
def here(at_work, tmp_path, monkeypatch, make_wave, ffmpeg_file) -> Path:
    ffmpeg_file(tmp_path / "song.mp3", "mp3", "libmp3lame", 22050, make_wave(2, 22050, 22050))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def block(language: str) -> str:
    [text] = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    assert ADDRESS in text
    return text


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_curl(at_work, here) -> None:
    script = block("bash").replace(ADDRESS, at_work.address)
    done = subprocess.run(
        ["bash", "-eu", "-c", script], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert '"state":"done"' in done.stdout
    assert (here / "harmonic.wav").read_bytes()[:4] == b"RIFF"
    assert (here / "song.zip").read_bytes()[:2] == b"PK"
    assert (here / "song.stem.mp4").read_bytes()[4:8] == b"ftyp"
    assert len((here / "percussive.mp3").read_bytes()) > 1000
    assert not list(at_work.client().jobs())  # it is removed


def test_python(at_work, here, capsys) -> None:
    exec(block("python").replace(ADDRESS, at_work.address), {})
    assert capsys.readouterr().out.splitlines()[-1].startswith("done 1.0")
    assert sorted(path.name for path in (here / "stems" / "song").iterdir()) == [
        "harmonic.wav",
        "percussive.wav",
        "report.json",
    ]
    assert (here / "remixes" / "remix.wav").read_bytes()[:4] == b"RIFF"
