"""How smoothly the page draws while it plays, and how much memory the browser takes.

    .venv/bin/python -m benchmarks.studio.playing [--seconds 60]

The page plays stems of the tests' stand-in for the service, and nothing is separated. Frames: six
stems of ten minutes; the browser draws as fast as it can, by software, so that the time from one
frame to the next is what a frame takes. Memory: four stems of an hour; the player jumps through the
song, and the memory of all processes of the browser (PSS) is taken all the time.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.studio.browser import PAGE, chromium, memory_mb
from tests.studio.stub import RATE, Stub, synthetic

FREE = ("--disable-frame-rate-limit", "--disable-gpu-vsync")
STEMS = ("vocals", "drums", "bass", "guitar", "piano", "other")
PLACES = 24
FRAMES = """(seconds) => new Promise((resolve) => {
  const times = [];
  const end = performance.now() + 1000 * seconds;
  const frame = () => {
    const now = performance.now();
    times.push(now);
    if (now < end) requestAnimationFrame(frame);
    else resolve(times.slice(1).map((time, i) => time - times[i]));
  };
  requestAnimationFrame(frame);
})"""


class Endless:
    """A few seconds of sound over and over, `(time, channel)`, which take no memory."""

    def __init__(self, part: np.ndarray, frames: int) -> None:
        self._part = part
        self.shape = (frames, part.shape[1])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, frames: slice) -> np.ndarray:
        start, stop, _ = frames.indices(len(self))
        return self._part[np.arange(start, stop) % len(self._part)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as copy:
        service = Stub(Path(shutil.copytree(PAGE, Path(copy) / "page")))
        print("| while it plays | value |\n|---|---|")
        with chromium(*FREE) as browser:
            page = playing(browser, service, STEMS, 600)
            times = sorted(page.evaluate(FRAMES, given.seconds))
            page_95 = times[int(0.95 * len(times))]
            print(f"| 6 stems of 10 minutes: a frame, median | {statistics.median(times):.1f} ms |")
            print(f"| the same, 95th percentile | {page_95:.1f} ms |")
        with chromium() as browser:
            page = playing(browser, service, STEMS[:4], 3600)
            print(
                f"| 4 stems of an hour: memory, highest | {highest(page, given.seconds):.0f} MB |"
            )
        service.close()


def playing(browser: Any, service: Stub, names: tuple[str, ...], seconds: int) -> Any:
    """A page that plays a job of stems of these names and this length."""
    parts = [part for seed in (0, 1) for part in synthetic(8.0, seed=seed).values()]
    stems = {name: Endless(part, seconds * RATE) for name, part in zip(names, parts, strict=False)}
    job = service.add(f"{seconds} s.wav", stems=stems)
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(120_000)
    page.goto(f"{service.address}/#/job/{job.id}")
    page.get_by_role("button", name="Play", exact=True).click()
    page.get_by_role("button", name="Pause", exact=True).wait_for()
    page.wait_for_timeout(3000)
    return page


def highest(page: Any, seconds: float) -> float:
    """The most memory in MB while the player jumps from place to place."""
    most, lane = 0.0, page.locator(".lane").first.bounding_box()
    for place in range(PLACES):
        page.mouse.click(lane["x"] + lane["width"] * (place + 0.5) / PLACES, lane["y"] + 20)
        end = time.monotonic() + seconds / PLACES
        while time.monotonic() < end:
            most = max(most, memory_mb())
            page.wait_for_timeout(250)
    page.get_by_role("button", name="Pause", exact=True).wait_for()
    return most


if __name__ == "__main__":
    main()
