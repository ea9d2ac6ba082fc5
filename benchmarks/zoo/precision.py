"""What networks in sizes of published models take in float32 and in bfloat16.

    benchmarks/networks/install.sh
    .venv/bin/python -m benchmarks.zoo.precision [--sizes mel-384x6 ...] [--results FOLDER]

A quarter of a second of the sound of `speed.py`, on one core, warm. Each network and precision has
a process of its own, which is what the memory is of; weights are random. bfloat16 is torch's
automatic mixed precision, as `unweave separate --precision bfloat16` takes it; here it also runs
where the command refuses it, on processors without instructions for it, and is stopped where it
takes too long. MDX-Net computes in float32 alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.zoo.sizes import PUBLISHED, TITLES
from benchmarks.zoo.speed import RATE_HZ, made, run, sound

SAMPLES = RATE_HZ // 4
LIMIT_S = 240.0  # for a process in bfloat16


def once(card: str, precision: str) -> dict[str, float]:
    """Seconds of processor time, and megabytes of the process."""
    from unweave.engine import allocator

    allocator.settle()
    import torch

    import unweave
    from unweave.engine.adapters.precision import Precision

    torch.set_num_threads(1)
    network: Any = unweave.load(card)
    if precision != "float32":
        network = Precision(network, precision)
    mix = torch.from_numpy(sound(SAMPLES))[None]
    with torch.inference_mode():
        network(mix[..., : SAMPLES // 4], RATE_HZ)
        start = time.process_time()
        network(mix, RATE_HZ)
        seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return {"seconds": seconds, "peak_mb": peak}


def measured(command: list[str]) -> dict[str, float]:
    """What a process with `once` found; nothing where that took too long."""
    try:
        return json.loads(run(command, LIMIT_S))
    except subprocess.TimeoutExpired:
        return {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    sizes = [name for name in PUBLISHED if not name.startswith("mdx-net")]
    parser.add_argument("--sizes", nargs="+", choices=sizes, default=sizes)
    parser.add_argument("--results", type=Path, default=Path("build") / "zoo")
    parser.add_argument("--once", nargs=2, metavar=("CARD", "PRECISION"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        print(json.dumps(once(*given.once)))
        return
    heads = "network", "float32, s", "bfloat16, s", "ratio", "float32, MB", "bfloat16, MB"
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name in given.sizes:
        card = str(made(name, given.results))
        words = [sys.executable, "-m", "benchmarks.zoo.precision", "--once", card]
        plain, half = json.loads(run([*words, "float32"])), measured([*words, "bfloat16"])
        cells = [TITLES[name], f"{plain['seconds']:.2f}", f"> {LIMIT_S:.0f}", "–"]
        cells += [f"{plain['peak_mb']:.0f}", "–"]
        if half:
            cells[2:4] = f"{half['seconds']:.2f}", f"{half['seconds'] / plain['seconds']:.1f}"
            cells[5] = f"{half['peak_mb']:.0f}"
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
