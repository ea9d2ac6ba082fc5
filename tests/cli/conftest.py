from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests import processes
from unweave.cli.app import app


@dataclass(frozen=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def _nothing_measured(tmp_path, monkeypatch) -> None:
    """No model ran here, and none that a test runs is remembered."""
    from unweave.models.store import measured

    monkeypatch.setattr(measured, "folder", lambda: tmp_path / "measured")


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def say() -> Callable[..., Said]:
    """say("separate", "x.mp3"): run the command in this process."""

    def run(*arguments: str) -> Said:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Said(done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture
def command() -> list[str]:
    """How to start the command in a process of its own."""
    return [sys.executable, "-m", "unweave"]


@pytest.fixture
def start(command) -> Callable[..., Said]:
    """start("separate", "x.mp3"): run the command in a process of its own."""

    def run(*arguments: str, **environment: str) -> Said:
        done = processes.run(
            [*command, *map(str, arguments)],
            capture_output=True,
            text=True,
            errors="surrogateescape",
            env={**os.environ, **environment},
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def gone() -> Callable[[subprocess.Popen[str]], None]:
    """gone(process): wait until no process of its group lives, as each child sees that it is alone.

    The process was started with `start_new_session`.
    """

    def wait(process: subprocess.Popen[str]) -> None:
        while any(map(str.strip, _states(process.pid))):
            time.sleep(0.02)

    return wait


def _states(group: int) -> Iterator[str]:
    """The states of a group's processes, blank for those that have ended."""
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, found = file.read_text().rpartition(")")[2].split()[:3]
            if int(found) == group:
                yield state.replace("Z", " ")
