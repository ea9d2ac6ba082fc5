"""What one call of a network takes in memory.

    .venv/bin/python -m benchmarks.networks.memory           # every row of count.py
    .venv/bin/python -m benchmarks.networks.memory spectnt   # one, without the head of the table

Besides the weights, on one segment of 8 seconds, on the CPU with one thread, each in a process of
its own, in the form and with the settings of memory that the command line runs it with; divided by
the segment's length in samples. Spleeter's segment is 12 seconds by itself.
"""

import subprocess
import sys
from pathlib import Path

import torch
from benchmarks.networks import count
from torch import nn

from unweave.engine import allocator

SEGMENT_S = 8.0


def status(field: str) -> int:
    """A figure of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))


def bytes_per_sample(network: nn.Module, channels: int, sample_rate_hz: int) -> float:
    """The peak of resident memory during a call, above what there was before."""
    torch.set_num_threads(1)
    network = network.eval().requires_grad_(False)
    if hasattr(network, "prepare_for_cpu"):
        network.prepare_for_cpu()
    samples = round(SEGMENT_S * sample_rate_hz)
    mix = 0.1 * torch.randn(1, channels, samples)
    with torch.inference_mode():
        network(mix[..., :16])  # what is set up once does not count
        before = status("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
        network(mix)
    return (status("VmHWM") - before) / samples


def main(wanted: str) -> None:
    allocator.settle()
    allocator.use_large_pages()
    for row in count.rows():
        if row.title == wanted:
            found = bytes_per_sample(row.make(), row.channels, row.sample_rate_hz)
            print(f"| {row.title} | {found:.0f} |", flush=True)
            return
    raise SystemExit(f"no row is called {wanted!r}")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        main(sys.argv[1])
    else:
        print("| network | memory, bytes per sample |\n|---|---|", flush=True)
        for row in count.rows():
            if row.title.startswith("Spleeter"):
                continue  # measured with its engine, see models/spleeter/model.py
            subprocess.run(
                [sys.executable, "-m", "benchmarks.networks.memory", row.title], check=True
            )
