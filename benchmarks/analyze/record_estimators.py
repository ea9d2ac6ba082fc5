"""What the published programs find in the sound of the tests: writes the file that tests read.

benchmarks/analyze/install.sh
benchmarks/analyze/.venv/bin/python benchmarks/analyze/record_estimators.py
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import published
import soundfile

TESTS = Path(__file__).resolve().parents[2] / "tests"
OUT = TESTS / "data" / "analyze" / "estimators.json"
FRAMES = (20, 100, 170, 240)
LOWEST_BIN = 18  # of the features that the networks of chords take


def main() -> None:
    sys.path.insert(0, str(TESTS / "apps" / "analyze"))
    from estimated import RATE_HZ, song

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "song.wav")
        soundfile.write(path, song(), RATE_HZ, subtype="FLOAT")
        heard, chords = published.chords(path)
        seen, notes = published.notes(path)
    at = list(FRAMES)
    OUT.write_text(
        json.dumps(
            {
                "frames": at,
                "features": _rounded(heard["cqt"][at, LOWEST_BIN : LOWEST_BIN + 252]),
                "parts": [_rounded(heard[f"part_{n}"][at]) for n in range(6)],
                "chords": [[round(a, 3), round(b, 3), str(name)] for a, b, name in chords],
                "note": _rounded(seen["note"][at]),
                "onset": _rounded(seen["onset"][at]),
                "notes": [[round(a, 3), round(b, 3), c, round(d, 4)] for a, b, c, d in notes],
            },
            separators=(",", ":"),
        )
        + "\n"
    )


def _rounded(values: np.ndarray) -> list[list[float]]:
    return [[float(f"{value:.5g}") for value in row] for row in values]


if __name__ == "__main__":
    main()
