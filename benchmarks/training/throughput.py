"""How fast a recipe trains, and whether examples are made fast enough: prints a row of a table.

    python benchmarks/training/throughput.py RECIPE.toml [--steps 10] [--set key=value]

`make` is what one process needs to make a batch, `learn` what the network needs to learn it; the
share is that of making in both, in one process. Below 100 % / workers nobody waits for examples.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from pathlib import Path

import torch

from unweave.training import audio, export
from unweave.training.examples import Batches, Examples
from unweave.training.losses import Outcome, loss
from unweave.training.recipe import read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    arguments = parser.parse_args()
    recipe = read(arguments.recipe, arguments.settings)
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
    print("| recipe | make, s | train, s | share of making | audio s/s | peak memory, MB |")
    print("|---|---|---|---|---|---|")
    print(
        f"| {recipe.name} | {made_s:.3f} | {learnt_s:.3f} | {made_s / (made_s + learnt_s):.1%} |"
        f" {audio_s / (made_s + learnt_s):.1f} | {peak:.0f} |"
    )


if __name__ == "__main__":
    main()
