"""How smoothly the page draws while it plays, and how much memory the browser takes.

    .venv/bin/python -m benchmarks.studio.playing [--seconds 60]

The page plays stems of the tests' stand-in for the service, and nothing is separated. The browser
is as people start it, but headless: no inspector is connected, which would keep what is fetched. A
script in a copy of the page plays and jumps, and tells what it sees.

Frames: six stems of ten minutes, drawn by software as fast as the browser can, and then at 60 Hz.
From one frame to the next is everything that the browser does, in all its processes, and what it
waits: where nothing has changed it waits for its next tick, a sixtieth of a second. The page's own
part is from the first line of script of a frame to its end: script, style, layout, paint. Memory:
four stems of an hour; the player jumps through the song, and the memory of all processes of the
browser (PSS) is taken all the time, and that of an empty page before.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.studio.browser import PAGE, memory_mb, program
from tests.studio.stub import RATE, Stub, synthetic

FREE = ("--disable-frame-rate-limit", "--disable-gpu-vsync")
STEMS = ("vocals", "drums", "bass", "guitar", "piano", "other")
PLACES = 24
LATE_MS = 16
LOOK_S, EMPTY_S, PATIENCE_S = 0.25, 5.0, 120.0
TOLD = "/told"
SCRIPT = """
const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
const tell = (what) => fetch('/api/v1/told', { method: 'POST', body: JSON.stringify(what) });
const seen = async (selector) => {
  while (!document.querySelector(selector)) await wait(0.05);
  return document.querySelector(selector);
};
const frames = (seconds) => new Promise((resolve) => {
  const [times, work, channel] = [[], [], new MessageChannel()];
  channel.port1.onmessage = ({ data }) => work.push(performance.now() - data);
  const frame = () => {
    const now = performance.now();
    times.push(now);
    if (now > times[0] + 1000 * seconds) {
      resolve({ apart: times.slice(1).map((time, i) => time - times[i]), work });
    } else {
      requestAnimationFrame(frame);
      channel.port2.postMessage(now); // which comes when the frame is painted
    }
  };
  requestAnimationFrame(frame);
});
const jumps = async (seconds, places) => {
  for (let place = 0; place < places; place++) {
    const lane = document.querySelector('.lane');
    const { left, top, width } = lane.getBoundingClientRect();
    const clientX = left + (width * (place + 0.5)) / places;
    lane.dispatchEvent(new MouseEvent('click', { bubbles: true, clientX, clientY: top + 20 }));
    await wait(seconds / places);
  }
  return document.querySelector('.play').ariaPressed;
};
(async () => {
  (await seen('.play')).click();
  await seen('.play[aria-pressed=true]');
  await wait(3);
  await tell(await DO);
})();
"""


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
    seconds = parser.parse_args().seconds
    print("| while it plays | median | 95th percentile | most |\n|---|---|---|---|")
    for how, flags in (("as fast as it can", FREE), ("at 60 Hz", ())):
        with playing(STEMS, 600, f"frames({seconds})", flags) as service:
            found = told(service, seconds)
        print(row(f"6 stems of 10 minutes, {how}: from frame to frame", found["apart"], "ms", 1))
        print(row("of that the page’s own work", found["work"], "ms", 1))
        pairs = zip(found["apart"], found["work"], strict=False)
        late = [work for apart, work in pairs if apart > LATE_MS]
        print(row(f"the same before a frame that came after {LATE_MS} ms", late, "ms", 1))
    used: list[float] = []
    with playing(STEMS[:4], 3600, f"jumps({seconds}, {PLACES})") as service:
        if told(service, seconds, lambda: used.append(memory_mb())) != "true":
            raise SystemExit("error: the player has stopped")
    with started():
        time.sleep(EMPTY_S)
        empty = [memory_mb()]
    print(row("4 stems of an hour: memory", used, "MB", 0))
    print(row("the same browser with an empty page", empty, "MB", 0))


def row(what: str, values: list[float], unit: str, digits: int) -> str:
    if not values:
        return f"| {what} | none | none | none |"
    shown = (np.percentile(values, 50), np.percentile(values, 95), max(values))
    return f"| {what} | {' | '.join(f'{value:.{digits}f} {unit}' for value in shown)} |"


@contextmanager
def started(*words: str) -> Iterator[None]:
    """Chromium on an address, without an inspector."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            program(),
            "--headless",
            "--no-sandbox",
            "--no-first-run",
            "--autoplay-policy=no-user-gesture-required",
            "--window-size=1280,800",
            "--remote-debugging-port=0",  # which nobody uses; without it the browser ends at once
            f"--user-data-dir={profile}",
        ]
        process = subprocess.Popen([*command, *words], stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.terminate()
            process.wait()


@contextmanager
def playing(
    names: tuple[str, ...], seconds: int, act: str, flags: tuple[str, ...] = ()
) -> Iterator[Stub]:
    """A browser that plays stems of these names and this length. act: what its script does then."""
    parts = [part for seed in (0, 1) for part in synthetic(8.0, seed=seed).values()]
    stems = {name: Endless(part, seconds * RATE) for name, part in zip(names, parts, strict=False)}
    with tempfile.TemporaryDirectory() as copy:
        page = Path(shutil.copytree(PAGE, Path(copy) / "page"))
        (page / "act.js").write_text(SCRIPT.replace("DO", act), encoding="utf-8")
        index = (page / "index.html").read_text(encoding="utf-8")
        script = '<script src="/act.js"></script></body>'
        (page / "index.html").write_text(index.replace("</body>", script), encoding="utf-8")
        service = Stub(page)
        job = service.add(f"{seconds} s.wav", stems=stems)
        with started(*flags, f"{service.address}/#/job/{job.id}"):
            yield service
        service.close()


def told(service: Stub, seconds: float, look: Callable[[], None] = lambda: None) -> Any:
    """What the script in the page tells at its end. look: is called meanwhile."""
    end = time.monotonic() + seconds + PATIENCE_S
    while time.monotonic() < end:
        for _, path, body in list(service.requests):
            if path == TOLD:
                return body
        look()
        time.sleep(LOOK_S)
    raise SystemExit("error: the page tells nothing")


if __name__ == "__main__":
    main()
