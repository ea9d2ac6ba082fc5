"""`unweave restore`, killed without warning while it writes, or interrupted.

One moment is always tried; more of them, at random times, with UNWEAVE_LONG and UNWEAVE_KILLS=20.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import LONG
from tests.apps.restore.sounds import notes, white, write

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")

# `unweave`, which kills itself before it writes the second block.
UNWEAVE = """
import os, signal
from unweave.audio.writer import Writer
from unweave.cli.app import main

left, kept = 2, Writer.write

def killing(self, block):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    kept(self, block)

Writer.write = killing
main()
"""
COMMAND = ["restore", "-q", "song.wav", "--tools", "declick,rumble", "--removed"]
MADE = {"restored.wav", "removed.wav", "restore.json"}


def seen() -> set[str]:
    """What has a final name."""
    return {path.name for path in Path("restored").rglob("*") if path.is_file() and _named(path)}


def _named(path: Path) -> bool:
    return not any(part.startswith(".") for part in path.parts)


def test_a_kill_leaves_no_name_and_the_next_run_cleans_up(here: Path, say) -> None:
    write("song.wav", notes(3, 2))
    done = subprocess.run([sys.executable, "-c", UNWEAVE, *COMMAND], check=False)
    assert done.returncode == -signal.SIGKILL
    assert any(Path("restored").rglob(".unweave-*"))  # it was at work
    assert seen() == set()
    assert say(*COMMAND).code == 0
    assert {path.name for path in Path("restored/song").iterdir()} == MADE


@LONG
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_signals_at_random_moments(here: Path, say, command: list[str], number: int) -> None:
    write("song.wav", notes(20, 2) + white(20, 0.002, 2))
    assert say(*COMMAND).code == 0
    whole = {path.name: path.read_bytes() for path in Path("restored/song").glob("*.wav")}
    for _ in range(int(os.environ.get("UNWEAVE_KILLS", "2"))):
        for path in Path("restored/song").iterdir():
            path.unlink()
        process = subprocess.Popen([*command, *COMMAND])
        while process.poll() is None and not any(Path("restored").rglob(".unweave-*")):
            time.sleep(0.002)
        time.sleep(random.uniform(0, 1.5))
        process.send_signal(number)
        assert process.wait() in (-signal.SIGKILL, 130, 0)  # 0: it had ended
        assert "restore.json" not in seen() or seen() == MADE
        if number == signal.SIGINT:
            assert not any(Path("restored").rglob(".*"))
        assert say(*COMMAND).code == 0
        assert {path.name for path in Path("restored/song").iterdir()} == MADE
        for name, data in whole.items():
            assert Path("restored/song", name).read_bytes() == data
