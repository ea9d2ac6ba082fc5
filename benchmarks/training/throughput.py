"""How fast recipes train, and whether examples are made fast enough.

    .venv/bin/python benchmarks/training/throughput.py RECIPE.toml... [--data data] [--steps 10]
        [--set key=value]

`make` is what one process needs to make a batch, `train` what the network needs to learn it; the
share is that of making in both, in one process. Below 100 % / workers nobody waits for examples.
Each recipe runs in a process of its own. `--data` is the folder of the data sets.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

from unweave.training import audio, export
from unweave.training.examples import Batches, Examples
from unweave.training.losses import Outcome, loss
from unweave.training.recipe import read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", type=Path, nargs="+", metavar="RECIPE.toml")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--row", action="store_true", help="one recipe, in this process")
    arguments = parser.parse_args()
    if arguments.row:
        row(arguments)
        return
    print("| recipe | make, s | train, s | share of making | audio s/s | peak memory, MB |")
    print("|---|---|---|---|---|---|", flush=True)
    options = ["--row", "--data", str(arguments.data), "--steps", str(arguments.steps)]
    options += [f"--set={setting}" for setting in arguments.settings]
    for path in arguments.recipes:
        subprocess.run([sys.executable, __file__, str(path), *options], check=True)


def row(arguments: argparse.Namespace) -> None:
    """The row of one recipe."""
    (path,) = arguments.recipes
    folder = arguments.data / Path(read(path).data.root).name
    recipe = read(path, [f"data.root={folder}", *arguments.settings])
    torch.manual_seed(recipe.seed)
    network = export.network(recipe)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)
    examples = Examples(recipe, audio.split(recipe.data).train)
    make, learn = [], []
    for step, numbers in enumerate(Batches(recipe)):
        if step > arguments.steps:
            break
        began = time.perf_counter()
        batch = torch.stack([examples[number] for number in numbers])
        made = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.precision == "bf16-mixed"):
            total, _ = loss(Outcome(network, batch), recipe.loss, pit=recipe.pit)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        if step:  # the first one allocates
            make.append(made - began)
            learn.append(time.perf_counter() - made)
    audio_s = recipe.data.batch * recipe.data.seconds
    made_s, learnt_s = statistics.median(make), statistics.median(learn)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"| {recipe.name} | {made_s:.3f} | {learnt_s:.3f} | {made_s / (made_s + learnt_s):.1%} |"
        f" {audio_s / (made_s + learnt_s):.1f} | {peak:.0f} |"
    )


if __name__ == "__main__":
    main()
