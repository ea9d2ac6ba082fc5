"""`unweave karaoke --video`, killed without warning while the video is being made.

One moment is always tried; more of them, at random times, with UNWEAVE_LONG and UNWEAVE_KILLS=20.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from tests import LONG, processes
from tests.apps.karaoke.stubs import noise, tone, write

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")

# `unweave`, which kills itself before a block of the film, the first being 1; 0: never.
UNWEAVE = """
import os, signal, sys
from unweave.cli.app import main
from unweave.apps.karaoke.video import film

at = int(sys.argv.pop(1))
kept = film.Film.write

def killing(self, block):
    global at
    at -= 1
    if at == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    kept(self, block)

film.Film.write = killing
main()
"""
VIDEO = ["--lyrics", "song.lrc", "--video", "mp4", "--size", "160x128", "--fps", "10"]
COMMAND = ["karaoke", "-q", "-m", "repet", "song.wav", "--keep-stems", "voices", *VIDEO]
MADE = {"backing.wav", "lyrics.lrc", "video.mp4", "karaoke.json"}


@pytest.fixture
def killed(here, say) -> list[str]:
    """The start of a command line; the voice is out already, so that no model is needed."""
    write(Path("song.wav"), noise(3.0), tone(300, 3.0))
    Path("song.lrc").write_text("[00:00.50]la\n[00:02.00]li\n")
    assert say("karaoke", "-q", "-m", "repet", "song.wav", "--keep-stems", "voices").code == 0
    return [sys.executable, "-c", UNWEAVE]


def seen(folder: str) -> set[str]:
    """What has a final name."""
    return {path.name for path in Path(folder).rglob("*") if path.is_file() and not _hidden(path)}


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def test_a_kill_leaves_no_name_and_the_next_run_cleans_up(killed, say):
    done = processes.run([*killed, "2", *COMMAND, "-o", "out"], check=False)
    assert done.returncode == -signal.SIGKILL
    assert any(Path("out").rglob(".unweave-*"))  # it was at work
    assert seen("out") == set()
    assert say(*COMMAND, "-o", "out").code == 0
    assert {path.name for path in Path("out/song").iterdir()} == MADE


@LONG
def test_kills_at_random_moments(killed, say):
    for n in range(int(os.environ.get("UNWEAVE_KILLS", "2"))):
        process = processes.Popen([*killed, "0", *COMMAND, "-o", f"out{n}"])
        while process.poll() is None and not any(Path(f"out{n}").rglob("master.wav")):
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.3))
        process.kill()
        process.wait()
        found = seen(f"out{n}")
        assert "karaoke.json" not in found or found == MADE
        assert say(*COMMAND, "-o", f"out{n}").code == 0
        assert {path.name for path in Path(f"out{n}/song").iterdir()} == MADE
