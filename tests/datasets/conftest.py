"""Small copies of datasets: the right folders and names, a fraction of a second of sound each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE_HZ = 8000
FRAMES = 1601


@pytest.fixture(scope="session")
def write(make_wave) -> Callable[..., np.ndarray]:
    """write(path, seed): a WAV or FLAC file by its name; returns its wave `(channel, time)`.

    Samples lie on the grid of 16 bits, so that what is read is what was written.
    """

    def make(
        path: Path,
        seed: int = 0,
        *,
        channels: int = 2,
        frames: int = FRAMES,
        rate_hz: int = RATE_HZ,
        gain: float = 1.0,
        subtype: str = "PCM_16",
    ) -> np.ndarray:
        wave = np.rint(gain * make_wave(channels, frames, rate_hz, seed) * 2**15) / 2**15
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, wave.T, rate_hz, subtype=subtype)
        return wave.astype(np.float32)

    return make


@pytest.fixture(scope="session")
def songs(write) -> Callable[..., dict[str, np.ndarray]]:
    """songs(folder, names): one WAV for each stem, and `mixture.wav`, which is their sum."""

    def make(
        folder: Path, stems: tuple[str, ...] = ("vocals", "drums", "bass", "other"), seed: int = 0
    ) -> dict[str, np.ndarray]:
        waves = {
            stem: write(folder / f"{stem}.wav", 10 * seed + number, gain=0.25)
            for number, stem in enumerate(stems)
        }
        waves["mixture"] = sum(waves.values())
        soundfile.write(folder / "mixture.wav", waves["mixture"].T, RATE_HZ, subtype="FLOAT")
        return waves

    return make
