"""The spectra of single hits that the finder of drums knows: renders them and writes the file.

.venv/bin/python -m benchmarks.analyze.drum_spectra
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from benchmarks.analyze.rendered import DRUM_CHANNEL, Hit, render

from unweave.apps.analyze.drums import HOP, RATE_HZ, SIZE, SPECTRA, rises

KITS = {0: "standard", 16: "power", 25: "TR-808"}
NOTES = {  # of General MIDI
    "kick": (35, 36),
    "snare": (38, 40),
    "hi-hat": (42, 44, 46),
    "tom": (41, 45, 48),
    "cymbal": (49, 51),
}
VELOCITIES = (50, 90, 120)
APART_S = 0.9


def main() -> None:
    rows = [[drum, name, *_spectrum(kit, notes)] for drum, notes in NOTES.items()
            for kit, name in KITS.items()]  # fmt: skip
    with SPECTRA.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["drum", "kit", *(f"band_{n}" for n in range(len(rows[0]) - 2))])
        table.writerows(rows)


def _spectrum(kit: int, notes: tuple[int, ...]) -> list[str]:
    """The mean rise of one drum of a kit, of sum one."""
    hits = [
        Hit(0.5 + APART_S * n, 0.1, note, velocity, DRUM_CHANNEL)
        for n, (note, velocity) in enumerate((a, b) for a in notes for b in VELOCITIES)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = render(hits, {DRUM_CHANNEL: kit}, Path(folder, "hits.wav"))
        wave = soundfile.read(path, dtype="float32")[0].mean(1)
    rise = rises(np.pad(wave, SIZE // 2))
    found = []
    for hit in hits:
        at = round(hit.start_s * RATE_HZ / HOP)
        near = rise[at : at + 9]
        largest = near[near.sum(1).argmax()]
        found.append(largest / largest.sum())
    return [f"{value:.4g}" for value in np.mean(found, 0)]


if __name__ == "__main__":
    main()
