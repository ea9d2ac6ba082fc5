"""What a step of training costs, for each recipe: prints the table of docs/networks.md.

    python steps.py [RECIPE.TOML ...]      # all of recipes/mir-1k unless named

On random stems, one batch as the recipe has it: forward, loss, gradient, step of the optimiser.
Medians of several; two threads unless OMP_NUM_THREADS says otherwise. Making examples and scoring
are not part of it.
"""

import sys
import time
from pathlib import Path
from statistics import median

import torch

from unweave.networks._cost import cost
from unweave.training import export
from unweave.training.losses import Outcome, loss
from unweave.training.recipe import Recipe, read

RECIPES = Path(__file__).resolve().parents[2] / "recipes" / "mir-1k"
STEPS, WARM_UP = 5, 2


def seconds_per_step(recipe: Recipe) -> float:
    network = export.network(recipe).train()
    optimiser = torch.optim.AdamW(network.parameters(), recipe.optimiser.rate)
    data, taken = recipe.data, []
    for _ in range(WARM_UP + STEPS):
        stems = 0.1 * torch.randn(data.batch, len(data.stems), data.channels, recipe.samples)
        start = time.perf_counter()
        optimiser.zero_grad()
        total, _ = loss(Outcome(network, stems), recipe.loss, unnamed=recipe.unnamed)
        total.backward()
        optimiser.step()
        taken.append(time.perf_counter() - start)
    return median(taken[WARM_UP:])


def main(paths: list[Path]) -> None:
    print("| recipe | parameters | multiply-adds per second | batch | steps/s | audio s/s |")
    print("|---|---|---|---|---|---|")
    for path in paths:
        recipe = read(path)
        data = recipe.data
        found = cost(lambda r=recipe: export.network(r), data.channels, data.sample_rate_hz)
        taken = seconds_per_step(recipe)
        print(
            f"| {path.stem} | {found.parameters / 1e6:.2f} M |"
            f" {found.multiply_adds_per_s / 1e9:.3f} G | {data.batch} x {data.seconds:g} s |"
            f" {1 / taken:.2f} | {data.batch * data.seconds / taken:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or sorted(RECIPES.glob("*.toml")))
