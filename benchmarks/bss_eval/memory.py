"""Peak memory of scoring four stereo stems, 44.1 kHz, in a process of its own.

    .venv/bin/python benchmarks/bss_eval/memory.py [--minutes 1 5]

Signals are float32, as files are read. The table says how much of the peak they are themselves.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys

import torch

from unweave.evaluation import metrics

RATE_HZ = 44100


def score(minutes: float) -> None:
    generator = torch.Generator().manual_seed(0)
    refs = torch.randn(4, 2, round(minutes * 60 * RATE_HZ), generator=generator) * 0.1
    ests = refs + 0.01 * refs.roll(1, 0)
    found = metrics.bss_eval_v4(refs, ests, window=RATE_HZ, hop=RATE_HZ)
    assert found.sdr.shape[0] == 4
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    signals_mb = 2 * refs.numel() * refs.element_size() / 1e6
    print(f"| {minutes:g} | {peak_mb:.0f} | {signals_mb:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 5])
    parser.add_argument("--one", action="store_true", help="score here, print a row")
    given = parser.parse_args()
    if given.one:
        score(given.minutes[0])
        return
    print("| minutes | peak MB | signals MB |\n|---|---|---|", flush=True)
    for minutes in given.minutes:
        subprocess.run([sys.executable, __file__, "--one", "--minutes", str(minutes)], check=True)


if __name__ == "__main__":
    main()
