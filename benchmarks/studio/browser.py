"""A browser on the page, for the scripts here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
PAGE = Path(__file__).parents[2] / "src" / "unweave" / "server" / "page"


def program() -> str:
    """Chromium of this machine, for a page that is built. Exits with a line where one is not."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise SystemExit("error: no Chromium is here: apt install chromium")
    if not (PAGE / "index.html").is_file():
        raise SystemExit("error: the page is not built: make studio")
    return found


@contextmanager
def chromium(*flags: str) -> Iterator[Any]:
    """Headless, with sound that plays into nothing. Exits with a line where it is not there."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise SystemExit("error: playwright is not here: pip install '.[browser]'") from None
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=program(),
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required", *flags],
        )
        yield browser
        browser.close()


def memory_mb(name: str = "chromium") -> float:
    """Memory (PSS) of all processes of the browser that this script has started, in MB."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, _, rest = status.read_text().rpartition(")")
        except OSError:
            continue
        children.setdefault(int(rest.split()[1]), []).append(int(number.split()[0]))
    found, waiting = 0.0, [os.getpid()]
    while waiting:
        number = waiting.pop()
        waiting += children.get(number, [])
        try:
            if name in os.readlink(f"/proc/{number}/exe"):
                text = Path(f"/proc/{number}/smaps_rollup").read_text()
                found += int(text.split("Pss:")[1].split()[0]) / 1e3 * 1.024
        except OSError:
            continue
    return found
