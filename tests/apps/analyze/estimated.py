"""Sound that the published programs heard too: benchmarks/analyze/record_estimators.py."""

from __future__ import annotations

import numpy as np

RATE_HZ = 22050
CHORDS = ((48, 52, 55, 60), (45, 52, 57, 60), (53, 57, 60, 65), (43, 50, 55, 59, 65))
CHORD_S = 1.5


def song() -> np.ndarray:
    """C, A minor, F and G7, each note with six partials and fading: `(time,)` float32."""
    return np.concatenate([_chord(notes) for notes in CHORDS])


def _chord(notes: tuple[int, ...]) -> np.ndarray:
    time_s = np.arange(round(CHORD_S * RATE_HZ)) / RATE_HZ
    found = np.zeros_like(time_s)
    for note in notes:
        hz = 440 * 2 ** ((note - 69) / 12)
        for partial in range(1, 7):
            fading = np.exp(-time_s * (0.8 + 0.4 * partial))
            found += np.sin(2 * np.pi * hz * partial * time_s) * fading / partial
    return (0.08 * found * np.minimum(1, time_s / 0.01)).astype(np.float32)
