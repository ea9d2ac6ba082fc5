"""Every classical technique on one song: real-time factor and peak memory of the whole command.

    .venv/bin/python -m benchmarks.techniques SONG [--repeat 3] [--only hpss rpca]

SONG is a stereo recording. Each technique, at its defaults, separates it from file to files in a
process of its own; seconds and memory are medians over the runs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.memory import cost_of
from scripts.technique_pages import line

from unweave import registry
from unweave.audio.reader import Reader


def measure(name: str, song: Path, repeat: int) -> tuple[float, float, float]:
    """Medians of: seconds of the command, seconds of separating, MB at the peak."""
    runs = []
    for _ in range(repeat):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "unweave", "separate", "-q", "-m", name, "-o", folder]
            megabytes, seconds, _ = cost_of([*command, str(song)])
            [report] = Path(folder).glob("*/report.json")
            inside = json.loads(report.read_text())["execution"]["seconds"]["separate"]
            runs.append((seconds, inside, megabytes))
    whole, inside, megabytes = (statistics.median(values) for values in zip(*runs, strict=True))
    return whole, inside, megabytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("song", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=registry.techniques())
    arguments = parser.parse_args()
    with Reader(arguments.song) as reader:
        length_s = reader.info.frames / reader.info.sample_rate_hz
    print(line(["technique", "whole command (s)", "separating (s)", "real-time factor",
                "peak memory (MB)"]))  # fmt: skip
    print(line(["---"] * 5))
    for name in arguments.only:
        whole, inside, megabytes = measure(name, arguments.song, arguments.repeat)
        cells = [name, f"{whole:.1f}", f"{inside:.1f}", f"{inside / length_s:.3f}"]
        print(line([*cells, f"{megabytes:.0f}"]), flush=True)


if __name__ == "__main__":
    main()
