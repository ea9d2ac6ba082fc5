"""Pictures of every page and dialog at three widths, light and dark, for a person to look at.

python -m tests.studio.pictures FOLDER
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.studio.conftest import BROWSERS, PAGE
from tests.studio.stub import Job, Stub

SIZES = ((360, 780), (1280, 800), (2560, 1440))
LYRICS = {
    "title": "Nachtlied",
    "artist": "Somebody",
    "lines": [
        [
            {"text": text, "start": 0.6 + 2 * line + 0.4 * i, "end": 0.9 + 2 * line + 0.4 * i}
            for i, text in enumerate(("Ü", "ber ", "al", "len"))
        ]
        for line in range(3)
    ],
}


def history(service: Stub) -> Job:
    """A list with a job in every state. Returns the one that the mixer shows."""
    service.speed = 0
    job = service.add("Nachtlied – a song with a rather long name, live at the harbour.flac")
    for name, values in {
        "waiting.wav": {},
        "no room.wav": {"waits_for": "disk"},
        "half.mp3": {"state": "running", "available": job.frames // 2},
        "notes.txt": {"state": "failed", "error": "notes.txt holds no sound; choose another file"},
        "stopped.wav": {"state": "cancelled"},
        "夜の歌.opus": {"state": "done"},
    }.items():
        service.add(name, **values)
    service.change(job, state="done", available=job.frames)
    return job


def shoot(page: Any, service: Stub, job: Job, folder: Path, name: str) -> None:
    def shot(what: str) -> None:
        page.wait_for_timeout(500)
        page.screenshot(path=folder / f"{what}-{name}.png")

    page.goto(service.address)
    page.wait_for_selector(f"[data-job={job.id}].done", state="attached")
    shot("home")
    page.locator(".model-button").click()
    page.wait_for_selector(".model")
    page.locator(".options summary").click()
    shot("models")
    page.get_by_placeholder("Name, stem or licence").fill("spleeter-4stems+umxl")
    page.wait_for_timeout(600)
    shot("ensemble")
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.goto(f"{service.address}/#/job/{job.id}")
    page.wait_for_selector(".mixer")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("[")
    page.keyboard.press("Home")
    page.keyboard.press("]")
    shot("mixer")
    page.get_by_role("button", name="Export").click()
    shot("export")
    page.keyboard.press("Escape")
    page.get_by_text("Download", exact=True).click()
    shot("downloads")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    shot("keys")
    page.keyboard.press("Escape")
    page.evaluate("localStorage.setItem('show', 'both')")
    page.reload()
    page.wait_for_selector(".mixer")
    shot("spectrum")
    page.evaluate("([key, song]) => localStorage.setItem(key, song)",
                  [f"lyrics {job.id}", json.dumps(LYRICS)])  # fmt: skip
    page.goto(f"{service.address}/#/lyrics/{job.id}")
    page.wait_for_selector(".lyrics")
    shot("lyrics")
    page.get_by_text("Save", exact=True).click()
    shot("save")
    waits = next(one for one in service.jobs.values() if one.waits_for)
    page.goto(f"{service.address}/#/job/{waits.id}")
    page.wait_for_selector(".empty")
    shot("no-room")
    page.goto(f"{service.address}/#/about")
    page.wait_for_selector(".facts")
    shot("diagnosis")


def main(folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    browser = next(filter(None, map(shutil.which, BROWSERS)))
    with tempfile.TemporaryDirectory() as copy, sync_playwright() as started:
        service = Stub(Path(shutil.copytree(PAGE, Path(copy) / "page")))
        job = history(service)
        running = started.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for width, height in SIZES:
            for scheme in ("light", "dark"):
                context = running.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme=scheme,
                    locale="en-US",
                )
                shoot(context.new_page(), service, job, folder, f"{width}-{scheme}")
                context.close()
        running.close()
        service.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
