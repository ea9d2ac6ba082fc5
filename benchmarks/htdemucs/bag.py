"""One stem of a bag of four HT Demucs networks against the whole bag, and the original's bag.

    benchmarks/htdemucs/install.sh && .venv/bin/unweave models pull htdemucs
    .venv/bin/python -m benchmarks.htdemucs.bag SONG [--seconds 30]

The bag is that of `htdemucs_ft` with the weights of `htdemucs` in each of its places: they cost the
same. The original's bag runs its members one after another, so that it takes four times what it
takes for one, on two threads. Warm, from wave to stems in memory.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from benchmarks.htdemucs.compare import names, original

import unweave
from unweave.engine import allocator
from unweave.models import cards


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("song", type=Path)
    parser.add_argument("--seconds", type=int, default=30)
    given = parser.parse_args()
    allocator.settle()
    wave, rate = soundfile.read(given.song, dtype="float32", always_2d=True)
    wave = np.ascontiguousarray(wave[: given.seconds * rate].T)
    with tempfile.TemporaryDirectory() as folder:
        short = Path(folder, "short.wav")
        soundfile.write(short, wave.T, rate, subtype="FLOAT")
        Path(folder, "names.json").write_text(json.dumps(names()))
        theirs = original(short, Path(folder), 1, {"threads": 2})["warm_s"][0]
        card = Path(folder, "bag.toml")
        text = cards.path("htdemucs_ft").read_text(encoding="utf-8")
        for stem in cards.card("htdemucs_ft").stems:
            text = text.replace(f'"htdemucs_ft_{stem}"', '"htdemucs"')
        card.write_text(text, encoding="utf-8")
        unweave.separate(wave[:, :rate], rate, model=str(card), device="cpu")
        seconds = {}
        for stems in (None, ["vocals"]):
            start = time.perf_counter()
            unweave.separate(wave, rate, model=str(card), device="cpu", stems=stems)
            seconds[stems is None] = time.perf_counter() - start
    whole, one = seconds[True], seconds[False]
    print(f"| four members, {given.seconds} s | s | times the vocals alone |\n|---|---|---|")
    print(f"| vocals alone | {one:.1f} | 1 |\n| all stems | {whole:.1f} | {whole / one:.2f} |")
    print(f"| the original, all stems | {4 * theirs:.1f} | {4 * theirs / one:.2f} |")


if __name__ == "__main__":
    main()
