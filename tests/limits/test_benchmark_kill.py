"""Killed without warning and started again, a benchmark ends as one that was never killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def content(folder: Path) -> dict[str, str]:
    """What every file says, but for what may differ from run to run."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            document = json.loads(path.read_text())
            del document["unweave"]["timing"]
            found[str(path.relative_to(folder))] = json.dumps(document)
    return found


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.json") if not path.name.startswith(".")]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_and_started_again(tmp_path: Path, jobs: int) -> None:
    def command(name: str) -> list[str]:
        run = [sys.executable, "-m", "unweave", "benchmark", "-d", "synthetic", "--tracks", "2"]
        rows = ["-s", "spleeter-2stems", "--oracle", "irm1", "--oracle", "psm"]
        return [*run, *rows, "-q", "--jobs", str(jobs), "-o", str(tmp_path / name)]

    subprocess.run(command("whole"), check=True)
    whole = content(tmp_path / "whole")
    assert len(whole) == 6

    folder = tmp_path / "killed"
    for least in (1, 3):  # files that are there when it is killed
        process = subprocess.Popen(command(folder.name), start_new_session=True)
        while len(files(folder)) < least and process.poll() is None:
            time.sleep(0.002)
        assert process.poll() is None, "it was over before it could be killed"
        process.send_signal(signal.SIGKILL)
        process.wait()
        for path in files(folder):
            assert json.dumps(without_timing(path)) == whole[str(path.relative_to(folder))]
    before = {path: path.stat().st_mtime_ns for path in files(folder)}
    assert len(before) < 6
    subprocess.run(command(folder.name), check=True)
    assert content(folder) == whole
    assert {path: path.stat().st_mtime_ns for path in before} == before  # none was done twice


def without_timing(path: Path) -> dict:
    document = json.loads(path.read_text())
    del document["unweave"]["timing"]
    return document


ENDLESS = """
from pathlib import Path
from tests.bench.fakes import Endless, track_of
from unweave.bench.entries import entries
from unweave.bench.pool import run_in_processes
from unweave.bench.work import Job, Request

if __name__ == "__main__":
    signal = Endless(Path({begun!r}))
    jobs = [Job(track_of("x", signal, {{"vocals": signal}}, 100), tuple(entries([], ["ibm"])))]
    list(run_in_processes(jobs, Request(dataset="x", output=Path({begun!r})), 2, lambda: False))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_its_processes_end_with_it(tmp_path: Path) -> None:
    begun, script = tmp_path / "begun", tmp_path / "script.py"
    script.write_text(ENDLESS.format(begun=str(begun)))
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        start_new_session=True,
    )
    while not begun.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for _ in range(200):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    pytest.fail("what it had started outlives it")
