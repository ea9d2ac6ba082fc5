"""Processes that begin at once are what Python starts otherwise."""

import json
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests import processes

FACTS = """
import json, os, sys
print(json.dumps([sys.argv, os.getcwd(), dict(os.environ), "unweave" in sys.modules, sys.path[0]]))
print("so", file=sys.stderr)
"""


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "raise ValueError('wrong')", "import gone",
                                  "import os; os.kill(os.getpid(), 9)", "print('a' * 100_000)",
                                  "print(__name__)"])  # fmt: skip
def test_it_ends_and_says_as_any_python(code: str) -> None:
    command = [sys.executable, "-c", code]
    done = processes.run(command, capture_output=True, text=True)
    right = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (right.returncode, right.stdout)
    assert done.stderr.splitlines()[-1:] == right.stderr.splitlines()[-1:]


def test_it_has_its_own_words_folder_and_variables(tmp_path: Path) -> None:
    variables = {"HERE": "1", "PYTHONPATH": str(tmp_path)}
    (tmp_path / "facts.py").write_text(FACTS)
    command = [sys.executable, "-m", "facts", "one", "two"]
    done = processes.run(command, capture_output=True, text=True, cwd=tmp_path, env=variables)
    words, folder, found, loaded, first = json.loads(done.stdout)
    assert words[1:] == ["one", "two"]
    assert folder == first == str(tmp_path)
    assert found == variables
    assert not loaded
    assert done.stderr == "so\n"


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_signals_reach_it_unless_it_ignores_them() -> None:
    code = "import time; print('begun', flush=True); time.sleep(60)"
    for ignored, ended in ((), -signal.SIGTERM), ((signal.SIGTERM,), -signal.SIGKILL):
        with processes.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
                             start_new_session=True, ignored=ignored) as process:  # fmt: skip
            assert process.stdout.readline() == "begun\n"
            assert os.getpgid(process.pid) == process.pid
            assert process.poll() is None
            process.terminate()
            with pytest.raises(subprocess.TimeoutExpired) if ignored else nullcontext():
                process.wait(timeout=0.5 if ignored else 60)
            process.kill()
        assert process.returncode == ended
