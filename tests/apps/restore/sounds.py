"""Short sounds: noise, notes with pauses, and files of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 16000
Wave = np.ndarray


def white(seconds: float, rms: float, channels: int = 1, seed: int = 0) -> Wave:
    rng = np.random.default_rng(seed)
    return (rms * rng.standard_normal((channels, round(seconds * RATE_HZ)))).astype(np.float32)


def notes(seconds: float, channels: int = 1, seed: int = 1) -> Wave:
    """Three notes a second of several partials that die away, and a pause at the beginning of each
    third second."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    wave = np.zeros(len(time_s))
    for n in range(int(3 * seconds)):
        if n % 9 < 3:
            continue
        since = time_s - n / 3
        late = np.maximum(since, 0)
        on = np.sin(np.pi / 2 * np.minimum(1, late / 0.02)) ** 2 * np.exp(-6 * late)
        hz = rng.uniform(200, 800)
        wave += on * sum(np.sin(2 * np.pi * k * hz * since) / k for k in (1, 2, 3, 4))
    return np.tile(0.1 * wave, (channels, 1)).astype(np.float32)


def cut(wave: Wave, size: int) -> Iterator[Wave]:
    for at in range(0, wave.shape[1], size):
        yield wave[:, at : at + size]


def joined(blocks: Iterator[Wave]) -> Wave:
    return np.concatenate(list(blocks), axis=1)


def decibels(part: Wave, whole: Wave | float = 1.0) -> float:
    """Mean power, relative to that of another wave."""
    power = np.mean(np.square(part, dtype=np.float64))
    return float(10 * np.log10(power / np.mean(np.square(whole, dtype=np.float64)) + 1e-30))


def write(path: Path | str, wave: Wave, subtype: str = "FLOAT") -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave.T, RATE_HZ, subtype=subtype)
    return Path(path)


def read(path: Path | str) -> Wave:
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T
