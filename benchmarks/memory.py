"""Peak memory of the whole command at two lengths, for every output format.

    .venv/bin/python benchmarks/memory.py SONG [--minutes 10 120] [--formats wav flac ...]
        [--verb karaoke] [--model NAME] [--rate HZ] [--options='--max-memory 1500']

The song is repeated to the length and written as FLAC first; each row is one process. Where a rate
is given the file states it for the same samples, which sound lower then: memory knows no pitch.
Models with random weights, and small ones, are made by `untrained.py`.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from unweave.audio.reader import Reader

FORMATS = ("wav", "flac", "mp3", "m4a", "ogg", "opus")


def repeated(song: Path, seconds: float, target: Path, rate_hz: int = 0) -> None:
    """The song again and again, written block by block, as if it had that rate."""
    import soundfile

    with Reader(song) as reader:
        wave = np.concatenate(list(reader.blocks(1 << 16)), axis=-1).T
        rate = rate_hz or reader.info.sample_rate_hz
    with soundfile.SoundFile(target, "w", rate, wave.shape[1], "PCM_16") as file:
        left = round(seconds * rate)
        while left > 0:
            file.write(wave[:left])
            left -= wave.shape[0]


def peak_mb(command: list[str]) -> tuple[float, float]:
    """Peak memory in MB and seconds of a process."""
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return usage.ru_maxrss * 1024 / 1e6, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("song", type=Path)
    parser.add_argument("--minutes", type=float, nargs="+", default=[10, 120])
    parser.add_argument("--formats", nargs="+", default=FORMATS)
    parser.add_argument("--verb", default="separate", help="karaoke, for instance")
    parser.add_argument("--model", help="default: that of the command")
    parser.add_argument("--rate", type=int, default=0, metavar="HZ", help="that the file states")
    parser.add_argument("--options", type=shlex.split, default=[], help="more for the command")
    arguments = parser.parse_args()
    more = [*arguments.options, *(["--model", arguments.model] if arguments.model else [])]
    print("| format | minutes | peak MB |\n|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for minutes in arguments.minutes:
            source = folder / f"{minutes:g}.flac"
            repeated(arguments.song, minutes * 60, source, arguments.rate)
            for format_ in arguments.formats:
                command = [sys.executable, "-m", "unweave", arguments.verb, "-q", "--overwrite"]
                command += ["--format", format_, "-o", str(folder / "out"), *more, str(source)]
                megabytes, _ = peak_mb(command)
                print(f"| {format_} | {minutes:g} | {megabytes:.0f} |", flush=True)


if __name__ == "__main__":
    main()
