"""Peak memory of `unweave evaluate` on a track with four stereo stems: five minutes below 3 GB?

    .venv/bin/python benchmarks/evaluate_memory.py [--minutes 5]

References are noises, estimates noisy mixtures of them, written as 24-bit FLAC first.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 44100
STEMS = ("vocals", "drums", "bass", "other")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=5.0)
    given = parser.parse_args()
    chance = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / "true", Path(name) / "found"]
        for folder in folders:
            folder.mkdir()
        shape = (round(60 * given.minutes * RATE_HZ), 2)
        mix = 0.05 * chance.standard_normal(shape, dtype=np.float32)
        for stem in STEMS:
            wave = 0.05 * chance.standard_normal(shape, dtype=np.float32)
            for folder, sound in zip(folders, (wave, wave + 0.3 * mix), strict=True):
                soundfile.write(folder / f"{stem}.flac", sound, RATE_HZ, subtype="PCM_24")
        del mix, wave, sound
        command = [sys.executable, "-m", "unweave", "evaluate", *map(str, folders)]
        subprocess.run(command, check=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    print(f"{given.minutes:g} minutes: peak memory {peak:.0f} MB (10^6 bytes)")


if __name__ == "__main__":
    main()
