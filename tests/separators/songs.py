"""A voice over music that repeats, for techniques that tell them apart."""

from __future__ import annotations

import numpy as np

RATE_HZ = 16000


def accompaniment(seconds: float, period_s: float = 1.0, seed: int = 0) -> np.ndarray:
    """The same bar of chords and strokes again and again: `(time,)` float32."""
    rng = np.random.default_rng([seed, 1])
    size = round(period_s * RATE_HZ)
    time_s, bar = np.arange(size) / RATE_HZ, np.zeros(size)
    for beat in range(4):
        since_s = time_s - beat * period_s / 4
        chord = sum(np.sin(2 * np.pi * hz * since_s) for hz in rng.uniform(150, 2000, 3))
        stroke = rng.standard_normal(size) * np.exp(-np.maximum(since_s, 0) * 80)
        bar += np.where(since_s >= 0, (0.05 * chord + 0.1 * stroke) * np.exp(-since_s * 6), 0)
    count = round(seconds * RATE_HZ)
    return np.resize(bar, count).astype(np.float32)


def voice(seconds: float, seed: int = 0) -> np.ndarray:
    """A tone with overtones that glides and never comes back to the same: `(time,)` float32."""
    rng = np.random.default_rng([seed, 2])
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    points_s = np.arange(0, seconds + 0.3, 0.3)
    pitch_hz = np.interp(time_s, points_s, rng.uniform(200, 500, len(points_s)))
    level = np.interp(time_s, points_s, rng.uniform(0, 1, len(points_s)))
    turns = np.cumsum(pitch_hz) / RATE_HZ
    tones = sum(np.sin(2 * np.pi * n * turns) / n for n in range(1, 6))
    return (0.08 * level * tones).astype(np.float32)


def sdr_db(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Signal over error, in dB."""
    return float(10 * np.log10(np.sum(reference**2) / np.sum((reference - estimate) ** 2)))
