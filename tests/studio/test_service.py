"""The page on the service itself, with a song that Spleeter separates.

Needs the weights of the default model: `unweave models pull`, as `make test` does.
"""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.studio.conftest import heard, is_part
from tests.studio.stub import ABOUT, MODELS, Job
from tests.studio.test_page import DROP, until

pytest.importorskip("fastapi", reason="needs the extra serve")

NAME = "Übungs-Lied 夜 <i>.flac"
Tab = Callable[..., Any]


class Studio:
    """`unweave studio` in a process of its own, as a person starts it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.start()

    def start(self) -> None:
        words = ("studio", "--no-browser", "--data", str(self.data))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "unweave", *words], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert "the studio is at " in said
        self.address = said.strip().split("the studio is at ")[1]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=30)


@pytest.fixture(scope="module")
def studio(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    running = Studio(tmp_path_factory.mktemp("studio") / "data")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory, song: Path) -> Path:
    """Half a minute of music: the example, each time softer, so that no two places are alike."""
    wave, rate = soundfile.read(song, dtype="float32")
    path = tmp_path_factory.mktemp("song") / "half-a-minute.flac"
    soundfile.write(path, np.concatenate([wave * 0.97**i for i in range(3)]), rate)
    return path


def drop(page: Any, file: Path, name: str) -> None:
    page.evaluate(DROP, [[name, base64.b64encode(file.read_bytes()).decode()]])


def downloaded(page: Any, link: Any, folder: Path) -> np.ndarray:
    """`(time, channel)` of what a link gives."""
    with page.expect_download() as waiting:
        link.click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


def asked(page: Any, path: str) -> Any:
    return page.evaluate("async (path) => (await fetch('/api/v1' + path)).json()", path)


def total(stems: dict[str, np.ndarray], gains: dict[str, float]) -> np.ndarray:
    """The sum in double precision, rounded once."""
    parts = [gains.get(name, 1.0) * wave.astype(np.float64) for name, wave in stems.items()]
    return np.asarray(sum(parts)).astype(np.float32)


def test_a_song_from_its_drop_to_its_export(
    studio: Studio, open_tab: Tab, recording: Path, tmp_path: Path
) -> None:
    page = open_tab(studio.address, accept_downloads=True)
    page.wait_for_selector(".model-button strong")
    assert "token" not in page.url
    drop(page, recording, NAME)
    page.wait_for_url("**/#/job/*")
    assert page.locator("h1").inner_text() == NAME
    page.locator(".job-progress progress").wait_for()
    page.get_by_role("button", name="Play", exact=True).click()
    page.get_by_role("button", name="Pause", exact=True).wait_for()
    page.locator(".row.done").wait_for(state="attached")

    stems = {}
    for stem in ("vocals", "accompaniment"):
        page.get_by_text("Download", exact=True).click()
        link = page.get_by_role("link", name=f"{stem} WAV")
        stems[stem] = downloaded(page, link, tmp_path)
        page.keyboard.press("Escape")
    until(lambda: is_part(heard(page), total(stems, {})))  # played from the running job on

    page.get_by_role("slider", name="Gain of vocals").fill("-6")
    half = 10 ** (-6 / 20)
    until(lambda: is_part(heard(page), total(stems, {"vocals": half})))
    page.get_by_role("button", name="Mute accompaniment").click()
    quiet = total(stems, {"vocals": half, "accompaniment": 0.0})
    until(lambda: is_part(heard(page), quiet))

    page.keyboard.press("Home")
    page.keyboard.press("[")
    page.get_by_role("slider", name="Place in the song").press("ArrowUp")
    page.keyboard.press("]")
    page.get_by_role("button", name="Loop", pressed=True).wait_for()
    key = f"player {page.url.split('/')[-1]}"
    marks = "(key) => JSON.parse(localStorage.getItem(key)).marks"
    start, end = page.evaluate(marks, key)
    assert end > start
    page.keyboard.press("Home")
    turns = np.concatenate([quiet[start:end]] * (2 + 44100 // (end - start)))
    until(lambda: is_part(heard(page), turns))

    page.get_by_role("button", name="Export").click()
    page.get_by_role("button", name="Make the remix").click()
    made = page.get_by_role("listitem").filter(has_text="remix.wav")
    remix = downloaded(page, made.get_by_role("link"), tmp_path)
    assert np.abs(remix - quiet).max() < 1e-6

    page.reload()
    page.get_by_role("link", name=NAME).last.click()
    assert page.get_by_role("slider", name="Gain of vocals").input_value() == "-6"
    page.get_by_role("button", name="Mute accompaniment", pressed=True).wait_for()
    assert page.evaluate(marks, key) == [start, end]


def test_a_cancelled_song_stays_cancelled(studio: Studio, open_tab: Tab, recording: Path) -> None:
    page = open_tab(studio.address)
    page.wait_for_selector(".model-button strong")
    with page.expect_response(lambda answer: answer.url.endswith("/api/v1/jobs")):
        page.locator(".model-button").click()
        page.get_by_placeholder("Name, stem or licence").fill("rpca")
        page.locator("input[value=rpca]").check()
        page.get_by_role("button", name="Use for new songs").click()
        drop(page, recording, "long.flac")
    page.get_by_role("button", name="Cancel long.flac").click()
    page.locator(".row.cancelled").wait_for()
    page.reload()
    page.locator(".row.cancelled", has_text="long.flac").wait_for()


def test_a_file_without_sound_is_refused_in_one_line(
    studio: Studio, open_tab: Tab, tmp_path: Path
) -> None:
    page = open_tab(studio.address)
    page.wait_for_selector(".model-button strong")
    (tmp_path / "notes.txt").write_text("no sound at all " * 20)
    drop(page, tmp_path / "notes.txt", "notes.txt")
    line = page.get_by_role("alert").filter(has_text="notes.txt")
    line.wait_for()
    assert "\n" not in line.inner_text()
    assert "/" not in line.inner_text()  # where the service keeps its files is not the page's


def shape(value: Any) -> Any:
    """The fields of a document and the kinds of their values."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    return "number" if isinstance(value, (int, float)) else type(value).__name__


def test_the_stub_speaks_as_the_service_does(studio: Studio, open_tab: Tab) -> None:
    page = open_tab(studio.address)
    assert shape(asked(page, "/about")) == shape(ABOUT)
    assert set(asked(page, "/models")[0]) == set(MODELS[0])
    real = asked(page, "/jobs")["jobs"][0]
    told = Job("id", "separate", "a.wav", {}, {}, 0.0).told()
    assert set(told) == set(real)
    assert set(told["source"]) == set(real["source"])


def test_history_survives_a_restart(studio: Studio, open_tab: Tab) -> None:
    page = open_tab(studio.address)
    page.locator(".row.done").first.wait_for()
    before = asked(page, "/jobs")["jobs"]
    studio.stop()
    page.get_by_text("The service does not answer").first.wait_for()
    studio.start()
    again = open_tab(studio.address)
    again.locator(".row.done").first.wait_for()
    assert json.dumps(asked(again, "/jobs")["jobs"]) == json.dumps(before)
