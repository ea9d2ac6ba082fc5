"""Synthetic voices: a harmonic tone with vibrato for each syllable, over noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RATE_HZ = 16_000
Burst = tuple[float, float, float]
"""Start and end in seconds, and semitones above middle C."""


def voice(bursts: Sequence[Burst], length_s: float, noise_db: float = -60.0) -> np.ndarray:
    """`(time,)` float32 at `RATE_HZ`, peaks about 0.3, over noise of that level."""
    rng = np.random.default_rng(0)
    wave = 10 ** (noise_db / 20) * rng.standard_normal(round(length_s * RATE_HZ))
    for start_s, end_s, pitch in bursts:
        at = slice(round(start_s * RATE_HZ), round(end_s * RATE_HZ))
        time_s = np.arange(at.stop - at.start) / RATE_HZ
        vibrato = 0.2 * np.sin(2 * np.pi * 5.5 * time_s)  # semitones
        hz = 440 * 2 ** ((pitch - 9 + vibrato) / 12)
        phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
        tone = sum(np.sin(n * phase) / n for n in range(1, 9))
        fade = np.clip(np.minimum(time_s, time_s[-1] - time_s) / 0.01, 0, 1)
        wave[at] += 0.15 * fade * tone
    return wave.astype(np.float32)


def melody(lines: Sequence[int], syllable_s: float = 0.3, rest_s: float = 0.8) -> list[Burst]:
    """So many notes in each line, each another than the one before, rests between lines."""
    found, at_s = [], 0.5
    for count in lines:
        for n in range(count):
            found.append((at_s, at_s + syllable_s - 0.02, float((0, 4, 7, 2)[n % 4])))
            at_s += syllable_s
        at_s += rest_s
    return found
