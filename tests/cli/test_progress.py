"""How progress is counted and told."""

import contextlib
import io
import os
import sys
import threading
import time

import pytest
from rich.console import Console
from rich.progress import Progress

from unweave.cli.progress import (
    PLAIN_EVERY_S,
    _Bars,
    clock,
    counted,
    display,
    times_real_time,
    words,
)
from unweave.cli.session import Session


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (9.6, "0:10"), (59.6, "1:00"), (3599, "59:59"), (3600, "1:00:00")],
)
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_words():
    assert words(0.0, 240.0, 1.0) == "starting"
    assert words(60.0, 240.0, 10.0) == "25 %, 6x real time, 0:30 left"
    assert words(60.0, None, 10.0) == "1:00, 6x real time"  # a length that nobody knows
    assert words(0.3, None, 10.0) == "0:00, 0.03x real time"  # a slow machine
    assert words(61.0, 60.0, 10.0) == "100 %, 6.1x real time, 0:00 left"


def test_speed_has_two_digits_and_no_exponent():
    assert [times_real_time(sound_s, 100.0) for sound_s in (3.4, 100.0, 123.4, 41200.0)] == [
        "0.034x real time",
        "1x real time",
        "1.2x real time",
        "410x real time",
    ]


def test_one_is_singular():
    assert [counted(n, "pass") for n in (0, 1, 2)] == ["0 passes", "1 pass", "2 passes"]
    assert [counted(n, "recording") for n in (1, 2)] == ["1 recording", "2 recordings"]


def test_batch_counts_files_by_their_size_and_leaves_skipped_ones_out():
    with Progress(console=Console(file=io.StringIO())) as bars:
        shown = _Bars(bars, {"a": 100, "b": 300, "c": 600}, threading.RLock())
        batch = bars.tasks[0]
        shown.end("c", worked=False)
        assert batch.percentage == 0.0
        shown.start("a", "a.mp3")
        shown.update("a", 5.0, 10.0)
        assert batch.percentage == pytest.approx(12.5)
        shown.start("b", "b.mp3")
        shown.update("b", 30.0, None)
        shown.end("a")
        assert batch.percentage == pytest.approx(25)
        assert batch.fields["sound_s"] == 35.0
        shown.update("b", 61.0, 60.0)  # a declared length may be short
        assert batch.percentage == 100
        shown.end("b")
        assert (batch.percentage, batch.description) == (100, "3 of 3 files")


def test_plain_lines_are_few(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    lines: list[tuple[str, bool]] = []
    session = Session(write=lambda text, err: lines.append((text, err)))
    with display(session, {"a": 1, "b": 1}) as shown:
        shown.start("a", "a.mp3")
        for second in range(1, 26):
            now[0] = float(second)
            shown.update("a", 4.0 * second, 200.0)
        shown.end("a")
        shown.start("b", "b.mp3")
    assert PLAIN_EVERY_S == 10
    assert lines == [
        ("a.mp3: at work (1 of 2)", True),
        ("a.mp3: 20 %, 4x real time, 0:40 left", True),
        ("a.mp3: 40 %, 4x real time, 0:30 left", True),
        ("b.mp3: at work (2 of 2)", True),
    ]


def test_quiet_shows_nothing():
    with display(Session(quiet=True, write=pytest.fail)) as shown:
        shown.start("a", "a.mp3")
        shown.update("a", 1.0, 2.0)
        shown.end("a")


def test_bars_on_a_terminal(monkeypatch):
    pty = pytest.importorskip("pty")
    parent, child = pty.openpty()
    with os.fdopen(child, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "100")
        stopping: list[bool] = []
        session = Session(should_stop=lambda: bool(stopping))
        with display(session, {"a": 1, "b": 1}) as shown:
            shown.start("a", "song [live].mp3")
            time.sleep(0.3)
            shown.update("a", 5.0, 10.0)
            time.sleep(0.3)
            session.result("a line :smile: [bold]as it is")
            shown.end("a")
            stopping.append(True)
            time.sleep(0.3)
        os.set_blocking(parent, False)
        data = bytearray()
        with contextlib.suppress(BlockingIOError):
            while part := os.read(parent, 4096):
                data += part
    os.close(parent)
    text = data.decode()
    for expected in (
        "song [live].mp3",
        "starting",
        "50%",
        "25%",
        "x real time",
        "1 of 2 files",
        "a line :smile: [bold]as it is",
        "stopping",
    ):
        assert expected in text
