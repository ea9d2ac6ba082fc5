"""A real browser on the built page, against the stub of the service."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import LONG
from tests.studio.stub import RATE, Stub

PAGE = Path(__file__).parents[2] / "src" / "unweave" / "server" / "page"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# What is heard is also led through an analyser, whose last samples are exact.
LISTEN = """
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...rest) {
  if (to instanceof AudioDestinationNode) {
    const splitter = new ChannelSplitterNode(this.context, { numberOfOutputs: 2 });
    window.heard = [0, 1].map((channel) => {
      const analyser = new AnalyserNode(this.context, { fftSize: 32768 });
      connect.call(splitter, analyser, channel);
      return analyser;
    });
    connect.call(this, splitter);
  }
  return connect.call(this, to, ...rest);
};
window.refused = [];
document.addEventListener('securitypolicyviolation', (event) =>
  window.refused.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""
TAIL = 16384
HEARD = f"""() => {{
  const taken = window.heard.map((analyser) => new Float32Array(analyser.fftSize));
  window.heard.forEach((analyser, i) => analyser.getFloatTimeDomainData(taken[i]));
  return taken.map((samples) => {{
    const bytes = new Uint8Array(samples.buffer, 4 * (samples.length - {TAIL}));
    return btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ''));
  }});
}}"""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Chromium with sound, which plays into nothing."""
    if "UNWEAVE_LONG" not in os.environ:
        pytest.skip(LONG.kwargs["reason"])
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install '.[browser]'")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip("no Chromium is here: apt install chromium")
    if not (PAGE / "index.html").is_file():
        pytest.skip("the page is not built: make studio")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(
            executable_path=browser,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield running
        running.close()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the page, which is not exchanged while the tests run."""
    return Path(shutil.copytree(PAGE, tmp_path_factory.mktemp("page") / "page"))


@pytest.fixture
def stub(chromium: Any, built: Path) -> Iterator[Stub]:
    service = Stub(built)
    yield service
    service.close()


@pytest.fixture
def open_tab(chromium: Any) -> Iterator[Callable[..., Any]]:
    """open_tab(address, **context). At the end nothing was refused by the policy or thrown."""
    contexts = []
    said: list[str] = []

    def opened(address: str, **values: Any) -> Any:
        values = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US", **values}
        context = chromium.new_context(**values)
        contexts.append(context)
        context.set_default_timeout(120_000)
        page = context.new_page()
        page.add_init_script(LISTEN)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        for page in context.pages:
            said += page.evaluate("window.refused ?? []")
        context.close()
    assert said == []


@pytest.fixture
def open_page(open_tab: Callable[..., Any], stub: Stub) -> Callable[..., Any]:
    """open_page(**context): a tab on the stub."""
    return lambda **values: open_tab(stub.address, **values)


def heard(page: Any) -> np.ndarray:
    """The last `TAIL` samples that were heard, `(time, channel)` float32."""
    channels = [base64.b64decode(text) for text in page.evaluate(HEARD)]
    return np.stack([np.frombuffer(channel, dtype="<f4") for channel in channels], axis=1)


def is_part(part: np.ndarray, whole: np.ndarray) -> bool:
    """Whether the whole contains the part, bit by bit, each channel for itself.

    The analysers of the channels are read one after the other, so a few frames may lie between.
    """
    places = [_place(part[:, i], whole[:, i]) for i in range(part.shape[1])]
    return min(places) >= 0 and max(places) - min(places) < RATE // 10


def _place(part: np.ndarray, whole: np.ndarray) -> int:
    for start in np.flatnonzero(whole[: len(whole) - len(part) + 1] == part[0]):
        if np.array_equal(whole[start : start + len(part)], part):
            return int(start)
    return -1
