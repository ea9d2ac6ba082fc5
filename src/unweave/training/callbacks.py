"""What happens between steps: checkpoints, scores, the clock, and the line that shows it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from unweave.core.atomic import unfinished
from unweave.core.files import advice, atomic_write, shown
from unweave.datasets.track import Track
from unweave.errors import OutputError
from unweave.training import validate
from unweave.training.curves import Curves
from unweave.training.module import Training
from unweave.training.recipe import Recipe

LAST, BEST = "last.ckpt", "best.ckpt"
Say = Callable[[str], None]


class Checkpoints(pl.Callback):
    """Everything that is needed to go on, under its final name when whole; the last one only."""

    def __init__(self, folder: Path, every: int) -> None:
        self.folder, self.every = folder, every

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step % self.every == 0:
            self.save(trainer)

    def on_train_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self.save(trainer)

    def save(self, trainer: pl.Trainer) -> None:
        """Raises OutputError, as when the disk is full; the checkpoint before stays."""
        final = self.folder / LAST
        temporary = final.with_name(f".{LAST}.part")
        unfinished[temporary] = []  # it goes with a process that is ended
        try:
            trainer.save_checkpoint(temporary)
            if trainer.is_global_zero:
                temporary.replace(final)
        except (OSError, RuntimeError) as error:
            # torch says RuntimeError where a disk is full.
            temporary.unlink(missing_ok=True)
            reason = advice(error) if isinstance(error, OSError) else f"{error}; is the disk full?"
            raise OutputError(f"{shown(final)}: {reason}") from error
        finally:
            unfinished.pop(temporary, None)


class Scores(pl.Callback):
    """Validates the average, keeps the best, and ends what no longer gets better."""

    def __init__(
        self, recipe: Recipe, tracks: tuple[Track, ...], folder: Path, say: Say, clock: Clock
    ) -> None:
        self.recipe, self.tracks, self.folder, self.say = recipe, tracks, folder, say
        self.clock, self.scored = clock, 0  # the step of the last score
        self.best, self.in_vain = float("-inf"), 0

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "in_vain": self.in_vain, "scored": self.scored}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.in_vain, self.scored = state["best"], state["in_vain"], state["scored"]

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        if trainer.global_step % self.recipe.schedule.validate_every:
            return
        self._score(trainer, module)
        patience = self.recipe.schedule.patience
        if _any(trainer, bool(patience) and self.in_vain >= patience):
            self.say(f"no better score {patience} times in a row: it ends here")
            trainer.should_stop = True

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if trainer.global_step != self.scored and not self.clock.interrupted:
            self._score(trainer, module)

    def _score(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Every process scores its share of the tracks; all of them get to know all scores."""
        self.scored = step = trainer.global_step
        assert isinstance(module, Training)
        state = {name: value.cpu() for name, value in module.average.state_dict().items()}
        state = trainer.strategy.broadcast(state)
        own = self.tracks[trainer.global_rank :: trainer.world_size]
        with torch.random.fork_rng():
            rows = validate.rows(self.recipe, state, own, module.device.type)
        found = validate.average(_gathered(trainer, rows))
        mean = found.get("mean", float("-inf"))
        better = mean > self.best
        self.in_vain = 0 if better else self.in_vain + 1
        self.best = max(mean, self.best)
        if not trainer.is_global_zero:
            return
        if better:
            keep(self.folder / BEST, {"state": state, "step": step, "scores": found})
        for logger in module.loggers:
            logger.log_metrics({f"score/{name}": value for name, value in found.items()}, step)
        words = ", ".join(f"{name} {value:.2f} dB" for name, value in found.items())
        self.say(f"step {step}: {words or 'no score'}" + " (the best so far)" * better)


class Clock(pl.Callback):
    """The live line; stops when the budget is spent or the user asks. Time before a kill counts."""

    def __init__(
        self, recipe: Recipe, say: Say, line: Say, should_stop: Callable[[], bool]
    ) -> None:
        self.recipe, self.say, self.line, self.should_stop = recipe, say, line, should_stop
        self.before_s, self.began_step, self.interrupted = 0.0, 0, False
        self.began_s: float | None = None  # before the first step of this run

    @property
    def seconds(self) -> float:
        """In training, over all runs."""
        return self.before_s + self._seconds_of_this_run

    @property
    def _seconds_of_this_run(self) -> float:
        return 0.0 if self.began_s is None else time.monotonic() - self.began_s

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.before_s = state["seconds"]

    def on_train_start(self, trainer: pl.Trainer, *_: Any) -> None:
        self.began_s, self.began_step = time.monotonic(), trainer.global_step

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, *_: Any
    ) -> None:
        step, schedule = trainer.global_step, self.recipe.schedule
        steps_per_s = (step - self.began_step) / max(1e-6, self._seconds_of_this_run)
        by_steps = (schedule.steps - step) / max(1e-6, steps_per_s)
        left_s = max(0.0, min(by_steps, schedule.budget_minutes * 60 - self.seconds))
        loss = float(outputs["loss"])
        audio_per_s = steps_per_s * self.recipe.data.batch * self.recipe.data.seconds
        self.line(
            f"step {step} of {schedule.steps}: loss {loss:.4f}, {steps_per_s:.2f} steps/s, "
            f"{audio_per_s:.1f} audio s/s, {left_s / 60:.0f} min left"
        )
        if _any(trainer, self.seconds > schedule.budget_minutes * 60) and step < schedule.steps:
            self.say(f"step {step}: the budget of {schedule.budget_minutes:g} minutes is spent")
            trainer.should_stop = True
        if _any(trainer, self.should_stop()):
            self.interrupted = trainer.should_stop = True


class Signals(pl.Callback):
    """The program's own answer to SIGTERM stays: Lightning's ends as if all steps were done."""

    def setup(self, trainer: pl.Trainer, module: pl.LightningModule, stage: str) -> None:
        self.own = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, *_: Any) -> None:
        if threading.current_thread() is threading.main_thread() and self.own is not None:
            signal.signal(signal.SIGTERM, self.own)


class Picture(pl.Callback):
    """Draws the curves anew with every score."""

    def __init__(self, curves: Curves, every: int) -> None:
        self.curves, self.every = curves, every

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.is_global_zero and trainer.global_step % self.every == 0:
            self.curves.draw()

    def on_train_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.is_global_zero:
            self.curves.draw()


def _any(trainer: pl.Trainer, stop: bool) -> bool:
    """Whether one of the processes should stop: all must, or they wait for each other."""
    return (
        stop
        if trainer.world_size == 1
        else trainer.strategy.reduce_boolean_decision(stop, all=False)
    )


def _gathered(trainer: pl.Trainer, own: list[dict[str, float]]) -> list[dict[str, float]]:
    """The rows of all processes."""
    if trainer.world_size == 1:
        return own
    shares: list[list[dict[str, float]]] = [[] for _ in range(trainer.world_size)]
    torch.distributed.all_gather_object(shares, own)
    return [row for share in shares for row in share]


def keep(path: Path, content: dict[str, Any]) -> None:
    """A dict of tensors in a file, whole or not at all. Raises OutputError."""
    import io

    stream = io.BytesIO()
    torch.save(content, stream)
    atomic_write(path, stream.getvalue())
