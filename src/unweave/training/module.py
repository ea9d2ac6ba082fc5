"""The training itself, in the words of pytorch-lightning: a step, an optimiser, averaged weights.

Validation uses, and what is exported is, the exponential moving average of the weights (Polyak and
Juditsky 1992): as good as a lower rate, at any time.
"""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from unweave.errors import TrainingError
from unweave.training.losses import Outcome, loss
from unweave.training.recipe import Recipe, Schedule


class Training(pl.LightningModule):
    """A network, its average, and what a recipe says of them."""

    def __init__(self, recipe: Recipe, network: Any, folder: Path) -> None:
        super().__init__()
        self.recipe, self.folder = recipe, folder
        self.network: Any = network
        self.average = copy.deepcopy(network).requires_grad_(False)
        self.seen = 0  # steps that are in the average

    def training_step(self, stems: Tensor, index: int) -> Tensor:
        """stems: `(batch, stem, channel, time)`. Raises TrainingError for a loss that is none."""
        outcome = Outcome(self.network, stems)
        total, terms = loss(outcome, self.recipe.loss, pit=self.recipe.pit)
        if not torch.isfinite(total):
            raise TrainingError(self._keep(stems, terms))
        if hasattr(self.network, "observe"):  # clusters need names
            self.network.observe(outcome.embeddings, outcome.true_spectra)
        logged = {"loss": total.item(), **{name: value.item() for name, value in terms.items()}}
        for logger in self.loggers:  # Lightning's own log is written after a step's checkpoint
            logger.log_metrics(logged, self.global_step)
        return total

    def _keep(self, stems: Tensor, terms: dict[str, Tensor]) -> str:
        path = self.folder / "not-a-number.pt"
        torch.save({"stems": stems.cpu(), "step": self.global_step}, path)
        culprits = [name for name, value in terms.items() if not torch.isfinite(value)]
        return (
            f"step {self.global_step}: the loss is not a number ({', '.join(culprits)}); the "
            f"batch is in {path}; try a lower optimiser.rate, or --resume from the last checkpoint"
        )

    def optimizer_step(self, *words: Any, **more: Any) -> None:
        """Step, and move the average: at the batch's end it would be too late for checkpoints."""
        super().optimizer_step(*words, **more)
        self._move_average()

    def _move_average(self) -> None:
        """At first it forgets faster, or it would remember the random start."""
        self.seen += 1
        decay = min(self.recipe.optimiser.average, (1 + self.seen) / (10 + self.seen))
        with torch.no_grad():
            pairs = zip(
                self.average.state_dict().values(), self.network.state_dict().values(), strict=True
            )
            for old, new in pairs:
                if old.is_floating_point():
                    old.lerp_(new, 1 - decay)
                else:
                    old.copy_(new)

    def configure_optimizers(self) -> Any:
        how = self.recipe.optimiser
        kinds: dict[str, Any] = {
            "adamw": lambda p: torch.optim.AdamW(p, how.rate, weight_decay=how.weight_decay),
            "adam": lambda p: torch.optim.Adam(p, how.rate),
            "sgd": lambda p: torch.optim.SGD(p, how.rate, momentum=0.9),
        }
        optimiser = kinds[how.name]([p for p in self.network.parameters() if p.requires_grad])
        rates = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: rate_factor(step, self.recipe.schedule)
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": rates, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["seen"] = self.seen
        checkpoint["random"] = torch.get_rng_state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.seen = checkpoint["seen"]
        torch.set_rng_state(checkpoint["random"])
        # The recipe decides how weights move from here on, not the checkpoint.
        how = self.recipe.optimiser
        rate = how.rate * rate_factor(checkpoint["global_step"], self.recipe.schedule)
        for state in checkpoint["optimizer_states"]:
            for group in state["param_groups"]:
                group |= {"lr": rate, "initial_lr": how.rate}
                if how.name == "adamw":
                    group["weight_decay"] = how.weight_decay
        for state in checkpoint["lr_schedulers"]:
            state |= {"base_lrs": [how.rate], "_last_lr": [rate]}


def rate_factor(step: int, schedule: Schedule) -> float:
    """The rate of step `step`, counted from 0, as a part of the highest.

    Up in a straight line, level, and down along a cosine at the end. The level stretch may be as
    long as one likes and be prolonged later: only `decay` knows the end.
    """
    rising = min(1.0, (step + 1) / schedule.warmup) if schedule.warmup else 1.0
    left = schedule.steps - step
    if left >= schedule.decay:
        return rising
    return rising * 0.5 * (1.0 - math.cos(math.pi * max(0.0, left) / schedule.decay))
