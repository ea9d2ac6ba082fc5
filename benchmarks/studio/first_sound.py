"""How soon a song is heard, and whether its stems are complete as soon as with the command.

    .venv/bin/python -m benchmarks.studio.first_sound SONG [--minutes 4] [--rounds 3]

A service of its own separates with Spleeter. The song is repeated or cut to its length, and given
to the page's input for files; its time begins then. Cold is the first song after the service has
started to answer; each song has a level of its own, so that no job is done already. The first sound
is the first sample at the end of the browser's audio graph; Play is pressed as soon as it is there.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from benchmarks.server.running import Running
from benchmarks.studio.browser import chromium

from unweave import Client

MODEL = "spleeter-2stems"
PORT = 8794
SECOND_S, LONGEST_S = 1.0, 300.0
# Since the file was chosen: when its first sample was heard, when its stems were complete.
WATCH = """
const begun = new Promise((resolve) => {
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (to, ...rest) {
    if (to instanceof AudioDestinationNode) {
      const analyser = new AnalyserNode(this.context, { fftSize: 2048 });
      connect.call(this, analyser);
      const samples = new Float32Array(2048);
      const timer = setInterval(() => {
        analyser.getFloatTimeDomainData(samples);
        if (samples.every((one) => one === 0)) return;
        clearInterval(timer);
        resolve(performance.now());
      }, 5);
    }
    return connect.call(this, to, ...rest);
  };
});
const seen = (selector) => new Promise((resolve) => {
  const found = () => document.querySelector(selector);
  const observer = new MutationObserver(() => found() && (observer.disconnect(), resolve(found())));
  observer.observe(document, { subtree: true, childList: true, attributes: true });
});
window.outcome = new Promise((resolve) => window.addEventListener('change', async (event) => {
  if (event.target.type !== 'file') return;
  const chosen = performance.now();
  const done = seen('.row.here.done').then(() => performance.now());
  (await seen('.play')).click();
  resolve([await begun, await done].map((time) => (time - chosen) / 1000));
}, true));
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("song", type=Path)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    heard, played, alone, command = [], [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = 2 * given.rounds + 1
        songs = [copy(given.song, folder, 60 * given.minutes, n) for n in range(count)]
        with chromium() as browser, Running(folder / "data", PORT) as service:
            for song in songs[: given.rounds + 1]:
                first_s, all_s = dropped(browser, service.address, song)
                heard.append(first_s)
                played.append(all_s)
            for song in songs[given.rounds + 1 :]:
                alone.append(asked(service.address, song))
                command.append(separated(song, folder))
    warm_s, played_s, alone_s, command_s = (
        statistics.median(each) for each in (heard[1:], played[1:], alone, command)
    )
    print(f"| after a song of {given.minutes:g} minutes was chosen | seconds |\n|---|---|")
    print(f"| first sound, the service just started | {heard[0]:.2f} |")
    print(f"| first sound, the service warm | {warm_s:.2f} |")
    print(f"| all stems, the service warm, the page plays on the same cores | {played_s:.2f} |")
    print(f"| all stems, the service warm, no page | {alone_s:.2f} |")
    print(f"| all stems by `unweave separate` | {command_s:.2f} |")
    print(f"| speed beside the command, the page plays | {command_s / played_s:.2f} × |")
    print(f"| speed beside the command, no page | {command_s / alone_s:.2f} × |")


def copy(song: Path, folder: Path, seconds: float, number: int) -> Path:
    """The song at a length and a level of its own, as FLAC."""
    wave, rate = soundfile.read(song, dtype="float32", always_2d=True)
    frames = round(seconds * rate)
    wave = np.tile(wave, (-(-frames // len(wave)), 1))[:frames] * 0.99**number
    path = folder / f"song {number}.flac"
    soundfile.write(path, wave, rate)
    return path


def dropped(browser: Any, address: str, song: Path) -> tuple[float, float]:
    """Seconds to the first sound and to the last sample of the stems."""
    page = browser.new_page()
    page.set_default_timeout(1000 * LONGEST_S)
    page.add_init_script(WATCH)
    page.goto(address)
    page.wait_for_selector(".model-button .faint")
    page.locator("input[type=file]").first.set_input_files(song)
    first_s, all_s = page.evaluate("window.outcome")
    page.close()
    time.sleep(SECOND_S)
    return first_s, all_s


def asked(address: str, song: Path) -> float:
    """Seconds that the service takes for a client without a page, from the upload to the end."""
    began = time.monotonic()
    client = Client(address)
    client.wait(client.submit(song, model=MODEL, format="wav"))
    return time.monotonic() - began


def separated(song: Path, folder: Path) -> float:
    """Seconds that the command takes for the same stems, from its start to its end."""
    words = ("separate", str(song), "-m", MODEL, "--format", "wav", "-o", str(folder / song.stem))
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "unweave", *words], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
