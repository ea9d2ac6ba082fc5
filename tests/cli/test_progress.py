"""How progress is counted and told."""

import contextlib
import os
import sys
import time

import pytest

from unweave.cli.progress import (
    PLAIN_EVERY_S,
    Batch,
    Pace,
    clock,
    counted,
    display,
    times_real_time,
)
from unweave.cli.session import Session


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (9.6, "0:10"), (59.6, "1:00"), (3599, "59:59"), (3600, "1:00:00")],
)
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_pace():
    pace = Pace(began_s=100.0)
    assert pace.words(101.0) == ""
    pace.done_s, pace.fraction = 60.0, 0.25
    assert pace.words(110.0) == "25 %, 6x real time, 0:30 left"
    pace.fraction = None  # a length that nobody knows
    assert pace.words(110.0) == "1:00, 6x real time"
    pace.done_s = 0.3  # a slow machine
    assert pace.words(110.0) == "0:00, 0.03x real time"


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
    batch = Batch({"a": 100, "b": 300, "c": 600})
    batch.end("c", worked=False)
    assert batch.pace.fraction == 0.0
    batch.update("a", 5.0, 10.0)
    assert batch.pace.fraction == pytest.approx(0.125)
    batch.update("b", 30.0, None)
    batch.end("a", worked=True)
    assert batch.pace.fraction == pytest.approx(0.25)
    assert batch.pace.done_s == 35.0
    batch.update("b", 61.0, 60.0)  # a declared length may be short
    assert batch.pace.fraction == 1.0
    batch.end("b", worked=True)
    assert (batch.pace.fraction, batch.ended) == (1.0, 3)


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
    for words in (
        "song [live].mp3",
        "starting",
        "50 %",
        "25 %",
        "x real time",
        "left",
        "1 of 2 files",
        "a line :smile: [bold]as it is",
        "stopping",
    ):
        assert words in text
