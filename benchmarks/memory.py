"""Peak memory of the whole command at two lengths, for every output format.

    .venv/bin/python benchmarks/memory.py SONG [--minutes 10 120] [--formats wav flac ...]
        [--verb karaoke] [--model NAME] [--rate HZ] [--mono] [--options='--max-memory 1500']

The song is repeated to the length and written as FLAC first; each row is one process, with its
processor time for each second of sound. Where a rate is given the file states it for the same
samples, which sound lower then: memory knows no pitch. `--formats` without any is for verbs that
write no sound. Models with random weights, and small ones, are made by `untrained.py`.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from unweave.audio.reader import Reader

FORMATS = ("wav", "flac", "mp3", "m4a", "ogg", "opus")
FOLDER = {"forensic": ("--case",)}  # how a verb is told where to write, and to write anew


def repeated(
    song: Path, seconds: float, target: Path, rate_hz: int = 0, mono: bool = False
) -> None:
    """The song again and again, written block by block, as if it had that rate.

    mono: its first channel alone.
    """
    import soundfile

    with Reader(song) as reader:
        wave = np.concatenate(list(reader.blocks(1 << 16)), axis=-1).T
        wave = wave[:, :1] if mono else wave
        rate = rate_hz or reader.info.sample_rate_hz
    with soundfile.SoundFile(target, "w", rate, wave.shape[1], "PCM_16") as file:
        left = round(seconds * rate)
        while left > 0:
            file.write(wave[:left])
            left -= wave.shape[0]


class Cost(NamedTuple):
    """What a process took; seconds: of the clock, processor_s: of all processors together."""

    peak_mb: float
    seconds: float
    processor_s: float


def cost_of(command: list[str]) -> Cost:
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return Cost(
        peak_mb=usage.ru_maxrss * 1024 / 1e6,
        seconds=time.perf_counter() - start,
        processor_s=usage.ru_utime + usage.ru_stime,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("song", type=Path)
    parser.add_argument("--minutes", type=float, nargs="+", default=[10, 120])
    parser.add_argument("--formats", nargs="*", default=FORMATS)
    parser.add_argument("--verb", default="separate", help="karaoke, for instance")
    parser.add_argument("--model", help="default: that of the command")
    parser.add_argument("--rate", type=int, default=0, metavar="HZ", help="that the file states")
    parser.add_argument("--mono", action="store_true", help="the first channel alone")
    parser.add_argument("--options", type=shlex.split, default=[], help="more for the command")
    arguments = parser.parse_args()
    more = [*arguments.options, *(["--model", arguments.model] if arguments.model else [])]
    folder_option = FOLDER.get(arguments.verb, ("--overwrite", "-o"))
    print("| format | minutes | peak MB | processor s for a second |", flush=True)
    print("|---" * 4 + "|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for minutes in arguments.minutes:
            source = folder / f"{minutes:g}.flac"
            repeated(arguments.song, minutes * 60, source, arguments.rate, arguments.mono)
            for format_ in arguments.formats or [""]:
                command = [sys.executable, "-m", "unweave", arguments.verb, "-q"]
                command += ["--format", format_] if format_ else []
                out = folder / f"out {minutes:g}"
                command += [*folder_option, str(out), *more, str(source)]
                took = cost_of(command)
                share = took.processor_s / (60 * minutes)
                cells = [format_ or "–", f"{minutes:g}", f"{took.peak_mb:.0f}", f"{share:.3f}"]
                print(f"| {' | '.join(cells)} |", flush=True)
                shutil.rmtree(out)


if __name__ == "__main__":
    main()
