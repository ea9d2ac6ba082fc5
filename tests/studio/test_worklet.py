"""The built audio thread in a browser that renders faster, or slower, than time passes.

The page's own module is given stems and settings as the page gives them; what it renders is
compared with the stems bit by bit.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.studio.stub import RATE, Stub, synthetic

FADE = round(0.004 * RATE)
RENDER = """async ({ module, rate, frames, stems, messages, stretch }) => {
  const floats = (text) =>
    new Float32Array(Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0)).buffer);
  const context = new OfflineAudioContext(2, frames, rate);
  await context.audioWorklet.addModule(module);
  const node = new AudioWorkletNode(context, 'unweave-player', {
    numberOfInputs: 0,
    outputChannelCount: [2],
    processorOptions: { capacity: 1 << 18 },
  });
  node.connect(context.destination);
  const said = (type) => new Promise((resolve) => {
    node.port.addEventListener('message', ({ data }) => data.type === type && resolve());
  });
  node.port.start();
  const ready = said('ready');
  const started = said('report');
  const suspended = context.suspend(0); // a context that renders reads no messages
  const rendered = context.startRendering();
  await suspended;
  if (stretch) await ready;
  const names = Object.keys(stems);
  const pieces = Object.fromEntries(names.map((name) => [name, floats(stems[name])]));
  const count = pieces[names[0]].length / 2;
  node.port.postMessage({ type: 'rows', names, channels: 2 });
  node.port.postMessage({ type: 'push', epoch: 0, pieces, count, last: true });
  for (const message of messages) node.port.postMessage(message);
  node.port.postMessage({ type: 'play', countIn: null });
  await started;
  context.resume();
  const sound = await rendered;
  return [0, 1].map((channel) => {
    const bytes = new Uint8Array(sound.getChannelData(channel).buffer);
    return btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ''));
  });
}"""


@pytest.fixture
def render(chromium: Any, stub: Stub, built: Path) -> Iterator[Any]:
    """render(stems, messages, stretch=): `(time, channel)` float32, as long as the stems."""
    context = chromium.new_context()
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(stub.address + "/mark.svg")  # a page of the service without scripts of its own
    [module] = (built / "assets").glob("player.worklet-*.js")

    def rendered(
        stems: dict[str, np.ndarray], messages: list[dict[str, Any]], stretch: bool = False
    ) -> np.ndarray:
        sent = {name: base64.b64encode(wave.tobytes()).decode() for name, wave in stems.items()}
        given = {
            "module": f"{stub.address}/assets/{module.name}",
            "rate": RATE,
            "frames": len(next(iter(stems.values()))),
            "stems": sent,
            "messages": messages,
            "stretch": stretch,
        }
        texts = page.evaluate(RENDER, given)
        return np.stack([np.frombuffer(base64.b64decode(text), "<f4") for text in texts], axis=1)

    yield rendered
    context.close()


def levels(**gains: tuple[float, float]) -> dict[str, Any]:
    pairs = {name: {"left": left, "right": right} for name, (left, right) in gains.items()}
    return {"type": "levels", "levels": pairs}


def test_stems_are_in_sync_and_gain_and_mute_exact(render: Any) -> None:
    stems = synthetic(1.0)
    gains = {"vocals": (1.0, 1.0), "drums": (0.0, 0.0), "bass": (0.5, 1.25), "other": (-0.3, 0.7)}
    heard = render(stems, [levels(**gains)])
    expected = sum(stems[name].astype(np.float64) * np.array(gains[name]) for name in gains)
    expected = np.asarray(expected).astype(np.float32)
    np.testing.assert_array_equal(heard[FADE:], expected[FADE:])
    assert np.abs(heard[0]).max() == 0.0  # the beginning is a ramp


def test_an_octave_and_half_the_tempo(render: Any) -> None:
    time_s = np.arange(3 * RATE)[:, None] / RATE
    tone = 0.3 * np.sin(2 * np.pi * 440 * time_s) * (time_s < 0.75)
    stems = {"tone": tone.astype(np.float32).repeat(2, axis=1)}
    change = {"type": "change", "semitones": 12, "tempo": 0.5}
    heard = render(stems, [levels(tone=(1.0, 1.0)), change], stretch=True)
    middle = heard[RATE // 4 : RATE, 0]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert abs(np.argmax(spectrum) * RATE / len(middle) - 880) < 3
    loud = np.flatnonzero(np.abs(heard[:, 0]) > 0.1)
    assert loud[0] / RATE < 0.1  # what the stretching takes in advance is not heard as a delay
    assert abs(loud[-1] / RATE - 1.5) < 0.1  # 0.75 s at half the tempo
