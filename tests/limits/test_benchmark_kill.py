"""Killed without warning and started again, a benchmark ends as one that was never killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests import LONG

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")

ROOT = Path(__file__).parents[2]
# The process kills itself, so that every run of the test kills at the same place: in its step
# number `at`, where a file that is whole gets its name (`replace`), or where the main process hears
# of an outcome (`finished`) while its children work on.
BENCHMARK = """
import os, signal, sys
from pathlib import Path
from unweave import datasets
from unweave.evaluation.benchmark import benchmark
from tests.evaluation import fakes

step, at, jobs, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])

def killing(call):
    def instead(*arguments):
        global at
        at -= 1
        if not at:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments)
    return instead

class Watch:
    def planned(self, to_do_s, skipped): ...
    def warned(self, *_): ...
    def finished(self, outcome): ...

if __name__ == "__main__":
    if step == "finished":
        Watch.finished = killing(Watch.finished)
    elif step != "never":
        setattr(os, step, killing(getattr(os, step)))
    datasets.load = lambda *_: [fakes.duet("one"), fakes.duet("two")]
    benchmark("synthetic", separators=["ft2d"], oracles=["irm1", "psm"], output=folder, jobs=jobs,
              watcher=Watch())
"""


def run(script: Path, *arguments: object) -> int:
    return subprocess.run(
        [sys.executable, script, *map(str, arguments)], cwd=ROOT, env=environment()
    ).returncode


def environment() -> dict[str, str]:
    """One thread, so that sums are the same in the main process and in children."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}


def files(folder: Path) -> dict[str, str]:
    """What every file says, but for what may differ from run to run."""
    found = {}
    for path in folder.rglob("*.json"):
        document = json.loads(path.read_text())
        del document["unweave"]["timing"]
        found[str(path.relative_to(folder))] = json.dumps(document)
    return found


@LONG
def test_killed_and_started_again(tmp_path: Path) -> None:
    script, whole, killed = tmp_path / "run.py", tmp_path / "whole", tmp_path / "killed"
    script.write_text(BENCHMARK)
    assert run(script, "never", 0, 1, whole) == 0
    right = files(whole)
    assert len(right) == 6

    assert run(script, "replace", 3, 1, killed) == -signal.SIGKILL
    assert len(files(killed)) == 2
    assert len(list(killed.rglob(".*"))) == 1  # the third, still without its name
    assert run(script, "finished", 1, 2, killed) == -signal.SIGKILL
    before = {name: (killed / name).stat().st_mtime_ns for name in files(killed)}
    assert len(before) >= 3
    assert files(killed).items() <= right.items()

    assert run(script, "never", 0, 2, killed) == 0
    assert files(killed) == right
    assert {name: (killed / name).stat().st_mtime_ns for name in before} == before  # not done twice
    assert list(killed.rglob(".*")) == []


ENDLESS = """
from pathlib import Path
from tests.evaluation.fakes import Endless, track_of
from unweave.evaluation.entries import entries
from unweave.evaluation.pool import run_in_processes
from unweave.evaluation.work import Job, Request

if __name__ == "__main__":
    signal = Endless(Path({begun!r}))
    jobs = [Job(track_of("x", signal, {{"vocals": signal}}, 100), tuple(entries([], ["ibm"])))]
    list(run_in_processes(jobs, Request(dataset="x", output=Path({begun!r})), 2, lambda: False))
"""


def test_its_processes_end_with_it(tmp_path: Path) -> None:
    begun, script = tmp_path / "begun", tmp_path / "script.py"
    script.write_text(ENDLESS.format(begun=str(begun)))
    process = subprocess.Popen(
        [sys.executable, str(script)], cwd=ROOT, env=environment(), start_new_session=True
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
