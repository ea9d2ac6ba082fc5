"""Killed without warning, a run leaves no file under a final name that is not complete.

`benchmarks/kill9.py` kills fifty times at random moments; here the moments are those that matter.
"""

import hashlib
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests import processes

# `unweave`, which kills itself before its rename number `at`; 0: never. The first is the journal's.
# -1: when all have their names, before the journal goes.
UNWEAVE = """
import os, signal, sys
from unweave.cli.app import main

at = int(sys.argv.pop(1))

def killing(rename):
    def renamed(*paths):
        global at
        at -= 1
        if not at:
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(*paths)

    return renamed

os.replace, os.link = killing(os.replace), killing(os.link)  # link: to a name that is free
if at == -1:
    from pathlib import Path

    unlink = Path.unlink

    def unlinked(path, *arguments, **options):
        if path.suffix == ".journal":
            os.kill(os.getpid(), signal.SIGKILL)
        return unlink(path, *arguments, **options)

    Path.unlink = unlinked
main()
"""


def hashes(folder: Path) -> dict[str, str]:
    """Of what has a final name; a report holds timings, and counts for being there."""
    files = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")]
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
    return found | {name: "" for name in found if name == "report.json"}


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_what_has_a_final_name_is_complete(tmp_path: Path) -> None:
    source = tmp_path / "song.wav"
    soundfile.write(source, np.random.default_rng(0).normal(scale=0.1, size=(44100 * 5, 2)), 44100)

    def command(name: str, at: int = 0) -> list[str]:
        run = [sys.executable, "-c", UNWEAVE, str(at), "separate", "-q", "-o", str(tmp_path / name)]
        return [*run, str(source)]

    processes.run(command("right"), check=True)
    right = hashes(tmp_path / "right")
    assert set(right) == {"report.json", "vocals.wav", "accompaniment.wav"}

    killed = tmp_path / "killed"
    process = processes.Popen(command("killed"))
    while not any(killed.rglob(".*.partial")):  # the stems are being written
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert hashes(killed) == {}

    for at in (1, 2, 3, 4):
        folder = tmp_path / f"killed{at}"
        assert processes.run(command(folder.name, at)).returncode == -signal.SIGKILL
        found = hashes(folder)
        assert len(found) == max(0, at - 2)
        assert found.items() <= right.items()
        assert "report.json" not in found  # it comes last: it says that its stems are complete

    assert processes.run(command("killed-1", -1)).returncode == -signal.SIGKILL
    assert hashes(tmp_path / "killed-1") == right

    # What a killed run leaves is no obstacle, whenever the kill came, and does not stay.
    for name in ("killed", "killed3", "killed-1"):
        processes.run(command(name), check=True)
        assert hashes(tmp_path / name) == right
        assert not list((tmp_path / name).rglob(".*"))
