"""What every separator makes of two seconds of sound, so that a change of it is noticed.

    .venv/bin/python -m scripts.golden [NAME...]     # of all that have none, or of these anew

A file of `tests/data/golden/` holds a separator's revision, that of the engine, and the levels of
its stems in dB, by octaves and by quarters of a second. A test computes the levels anew. Where they
differ, the separator gives other stems than before: its `REVISION` (or `ENGINE_REVISION` in
`request.py`, if it is all of them) goes up by one, and this script writes its file anew.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import unweave
from unweave import registry
from unweave.request import ENGINE_REVISION
from unweave.types import Audio

FOLDER = Path(__file__).parents[1] / "tests" / "data" / "golden"
RATE_HZ = 22050
PARTS = 8  # quarters of a second
FLOOR = 1e-12  # power that counts as nothing


def sound() -> Audio:
    """Two voices and a drum in stereo, loud enough for every technique, the same on any machine."""
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    glide = np.sin(2 * np.pi * (330 * time_s + 4 * np.sin(2 * np.pi * 5 * time_s)))
    chord = sum(np.sin(2 * np.pi * hz * time_s) for hz in (110.0, 138.6, 164.8, 220.0)) / 4
    beat = np.sin(2 * np.pi * 1800 * time_s**1.01) * np.exp(-30 * (time_s % 0.5))
    left = 0.25 * glide + 0.3 * chord + 0.2 * beat
    right = 0.25 * glide + 0.1 * chord + 0.3 * beat
    return Audio(np.stack([left, right]).astype(np.float32), RATE_HZ)


def levels(wave: np.ndarray) -> list[list[float]]:
    """dB of `(channel, time)`, by parts of the time and by octaves below half the rate."""
    found = []
    for part in np.array_split(wave.astype(np.float64), PARTS, axis=-1):
        power = (np.abs(np.fft.rfft(part, axis=-1)) ** 2).mean(0) / part.shape[-1]
        edges = [0, *(len(power) >> n for n in range(6, -1, -1))]
        bands = [power[a:b].sum() for a, b in pairwise(edges)]
        found.append([round(float(10 * np.log10(band + FLOOR)), 2) for band in bands])
    return found


def facts(name: str) -> dict[str, Any]:
    """What the file of a separator holds."""
    separator, _ = registry.resolve(name, {})
    stems = unweave.separate(sound(), model=name, device="cpu")
    return {
        "revision": separator.revision,
        "engine_revision": ENGINE_REVISION,
        "levels_db": {stem: levels(wave) for stem, wave in stems.items()},
    }


def path(name: str) -> Path:
    return FOLDER / f"{name}.json"


def main(names: list[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names or [name for name in registry.names() if not path(name).exists()]:
        path(name).write_text(json.dumps(facts(name), separators=(",", ":")) + "\n")
        print(path(name))


if __name__ == "__main__":
    main(sys.argv[1:])
