"""`train`: a recipe to a folder with weights, card, curves and checkpoints.

The folder has the recipe as it was meant with all its values (`recipe.toml`), `last.ckpt` to go on
from, `best.ckpt`, `curve.csv`, `curve.png`, TensorBoard's files, and at the end NAME.safetensors
and NAME.toml, which `unweave separate -m` takes.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only
from torch import nn

from unweave.core.errors import Cancelled, OutputError, UnweaveError, UsageError
from unweave.io.files import advice, shown
from unweave.training import export, sound
from unweave.training.callbacks import BEST, LAST, Checkpoints, Clock, Picture, Say, Scores
from unweave.training.curves import Curves
from unweave.training.errors import TrainingError
from unweave.training.examples import Batches, loader
from unweave.training.losses import TERMS
from unweave.training.module import Training
from unweave.training.recipe import Recipe, as_toml


@dataclass(frozen=True, slots=True)
class Result:
    """What came out: the card (None where nothing was ever scored) and the best scores, in dB."""

    card: Path
    scores: dict[str, float]
    steps: int
    seconds: float


def train(
    recipe: Recipe,
    folder: Path,
    *,
    resume: bool = False,
    devices: int = 1,
    say: Say = print,
    line: Say | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Train, or go on from the folder's last checkpoint, and export the best weights.

    devices: processes with a share of every batch each; GPUs where there are some. say: takes lines
    worth keeping, line: the one that shows how far it is. Raises UsageError or InputError before
    the first step, TrainingError or OutputError from it on, Cancelled where `should_stop` says so;
    then `resume` goes on.
    """
    first = (
        getattr(rank_zero_only, "rank", 0) == 0
    )  # of several processes the one that speaks and writes
    if first:
        _check(recipe, folder, resume, devices)
    else:
        say = line = _silent
    line = line or _silent
    split = sound.split(recipe.data)
    pl.seed_everything(recipe.seed, verbose=False)
    network = export.network(recipe)
    if recipe.schedule.start and not resume:
        _start(network, Path(recipe.schedule.start))
    if first:
        _begin(folder, recipe)
    checkpoint = folder / LAST if resume else None
    curves, step = Curves(folder), 0
    if checkpoint is not None:
        step = int(torch.load(checkpoint, map_location="cpu", weights_only=False)["global_step"])
        if first:
            curves.cut(step)
    batches = Batches(recipe, processes=devices)
    batches.step = step
    clock = Clock(recipe, say, line, should_stop)
    with _Quiet():
        trainer = pl.Trainer(
            accelerator="gpu" if torch.cuda.is_available() else "cpu",
            devices=devices,
            strategy=_strategy(devices),
            precision=recipe.precision,  # type: ignore[arg-type]
            max_steps=recipe.schedule.steps,
            max_epochs=-1,
            gradient_clip_val=recipe.optimiser.clip or None,
            logger=[curves, TensorBoardLogger(folder, name="tensorboard", version="")],
            callbacks=[
                clock,
                Scores(recipe, split.validation, folder, say, clock),
                Checkpoints(folder, recipe.schedule.save_every),
                Picture(curves, recipe.schedule.validate_every),
            ],
            use_distributed_sampler=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        batches.rank = trainer.global_rank
        with _one_line(folder):
            trainer.fit(
                Training(recipe, network, folder),
                loader(recipe, split.train, batches),
                ckpt_path=checkpoint,
                weights_only=False,
            )
    if not first:
        raise SystemExit(0)
    if clock.interrupted:
        raise Cancelled(f"{shown(folder)}: stopped at step {trainer.global_step}; --resume goes on")
    return _export(recipe, folder, trainer.global_step, clock.seconds)


def _check(recipe: Recipe, folder: Path, resume: bool, devices: int) -> None:
    for term in recipe.loss:
        if term not in TERMS:
            raise UsageError(f"[loss] has no term {term!r}; it has {', '.join(TERMS)}")
    export.draft(recipe)  # refuses what a card cannot say
    if resume and not (folder / LAST).exists():
        raise UsageError(f"{shown(folder)}: has no {LAST} to go on from; leave out --resume")
    if not resume and (folder / LAST).exists():
        raise UsageError(
            f"{shown(folder)}: a training lies there already; --resume goes on, --output FOLDER "
            "starts another"
        )
    if devices < 1 or recipe.data.batch % devices:
        raise UsageError(f"data.batch ({recipe.data.batch}) does not divide by {devices} devices")


def _begin(folder: Path, recipe: Recipe) -> None:
    """The folder, with the recipe in it. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{shown(folder)}: {advice(error)}") from error
    export.put(folder / "recipe.toml", as_toml(recipe).encode())


def _start(network: nn.Module, path: Path) -> None:
    """Other weights than random ones. Raises UsageError where they do not fit."""
    from safetensors.torch import load_file

    try:
        state = {name: value.float() for name, value in load_file(path).items()}
        network.load_state_dict(state)
    except (OSError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"{shown(path)}: cannot be started from: {reason}") from error


def _export(recipe: Recipe, folder: Path, steps: int, seconds: float) -> Result:
    """The best weights and their card."""
    best = folder / BEST
    if not best.exists():
        raise TrainingError(f"{shown(folder)}: has no {BEST}: nothing was scored; train anew")
    kept: dict[str, Any] = torch.load(best, map_location="cpu", weights_only=True)
    made = {"steps": kept["step"], "minutes": round(seconds / 60, 1)}
    scores = {f"validation_{name}": round(value, 2) for name, value in kept["scores"].items()}
    card = export.write(folder, recipe, kept["state"], scores, made)
    return Result(card, kept["scores"], steps, seconds)


def _strategy(devices: int) -> str:
    # Some published networks have a parameter that no gradient reaches.
    return "auto" if devices == 1 else "ddp_find_unused_parameters_true"


@contextmanager
def _one_line(folder: Path) -> Iterator[None]:
    """Errors of the disk, and those that come out of a worker with all of its traceback, as one
    line each."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{shown(folder)}: {advice(error)}") from error
    except UnweaveError as error:
        last = str(error).rstrip().rpartition("\n")[2]
        if last == str(error):
            raise
        raise type(error)(last.partition(": ")[2]) from error


def _silent(_: str) -> None:
    pass


class _Quiet:
    """Lightning's own words, meant for its developers, are kept from the user."""

    def __enter__(self) -> None:
        self.caught = warnings.catch_warnings()
        self.caught.__enter__()
        warnings.filterwarnings("ignore", module=r"(pytorch_lightning|lightning_fabric|torch)\b.*")
        logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)

    def __exit__(self, *problem: object) -> None:
        self.caught.__exit__(None, None, None)
