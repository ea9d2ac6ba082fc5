"""`train`: a recipe to a folder with weights, card, curves and checkpoints.

The folder has the recipe as it was meant with all its values (`recipe.toml`), `last.ckpt` to go on
from, `best.ckpt`, `curve.csv`, `curve.png`, TensorBoard's files, and at the end NAME.safetensors
and NAME.toml, which `unweave separate -m` takes.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.strategies import DDPStrategy, Strategy
from pytorch_lightning.utilities import rank_zero_only
from torch import nn

from unweave.core.files import advice, atomic_write, shown
from unweave.errors import (
    Cancelled,
    MemoryLimitError,
    OptionName,
    OutputError,
    UnweaveError,
    UsageError,
)
from unweave.models import cards
from unweave.training import audio, checkpoint, effects, export, validate
from unweave.training.callbacks import (
    BEST,
    LAST,
    Checkpoints,
    Clock,
    Picture,
    Say,
    Scores,
    Signals,
)
from unweave.training.curves import Curves
from unweave.training.examples import Batches, loader
from unweave.training.losses import TERMS
from unweave.training.module import Training
from unweave.training.recipe import Recipe, as_toml, read

RECIPE = "recipe.toml"
AVERAGE = "average."  # before the names of the averaged weights in a checkpoint


@dataclass(frozen=True, slots=True)
class Result:
    """What came out: the card, and the best scores in dB; none where nothing was scored."""

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
    nodes: int = 1,
    say: Say = print,
    line: Say | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Train, or go on from the folder's last checkpoint, and export the best weights.

    devices: processes with a share of every batch each; GPUs where there are some. nodes: machines
    with so many each, on each of which torchrun has started this. say: takes lines worth keeping,
    line: the one that shows how far it is. Raises UsageError, InputError or
    WeightsError before the first step, and then nothing is written; TrainingError or OutputError
    from it on, Cancelled where `should_stop` says so; then `resume` goes on.
    """
    # Of several processes the one that speaks and writes.
    first = getattr(rank_zero_only, "rank", 0) == 0
    if not first:
        say = line = _silent
    line = line or _silent
    processes = devices * nodes
    _check(recipe, processes)
    _check_started(devices, nodes)
    if first:
        _check_folder(recipe, folder, resume)
    split = audio.split(recipe.data)
    pl.seed_everything(recipe.seed, verbose=False)
    network = export.network(recipe)
    _try(network, recipe)
    if recipe.schedule.start and not resume:
        _start(network, Path(recipe.schedule.start))
    training, batches = Training(recipe, network, folder), Batches(recipe, processes=processes)
    examples = loader(recipe, split.train, batches)
    curves, clock = Curves(folder), Clock(recipe, say, line, should_stop)
    scores = Scores(recipe, split.validation, folder, say, clock)
    last = folder / LAST
    if resume:
        found = checkpoint.last(last, training.state_dict())
        batches.step = int(found["global_step"])
        if ended := _ended(recipe, found):
            say(f"{shown(folder)}: {ended}")
            return _export(recipe, folder, batches.step, found["callbacks"]["Clock"]["seconds"])
        del found  # Lightning reads it again
    if first:
        curves.rows()  # refuses a file that is no curve
        for words in validate.silences(split.validation, recipe.data.stems):
            say(words)
        _begin(folder, recipe)
        curves.cut(batches.step)
    with _quiet():
        trainer = pl.Trainer(
            accelerator="gpu" if torch.cuda.is_available() else "cpu",
            devices=devices,
            num_nodes=nodes,
            strategy=_strategy(processes),
            precision=recipe.precision,  # type: ignore[arg-type]
            max_steps=recipe.schedule.steps,
            max_epochs=-1,
            gradient_clip_val=recipe.optimiser.clip or None,
            logger=[curves, TensorBoardLogger(folder, name="tensorboard", version="")],
            callbacks=[
                Signals(),
                clock,
                scores,
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
            # A checkpoint is somebody's file: what it holds besides numbers must not run.
            trainer.fit(training, examples, ckpt_path=last if resume else None, weights_only=True)
    if not first:
        raise SystemExit(0)
    if clock.interrupted:
        raise Cancelled(f"{shown(folder)}: stopped at step {trainer.global_step}; --resume goes on")
    return _export(recipe, folder, trainer.global_step, clock.seconds, anew=True)


def _check(recipe: Recipe, processes: int) -> None:
    """What of a recipe this machine and these networks cannot do. Raises UsageError."""
    for term in recipe.loss:
        if term not in TERMS:
            raise UsageError(f"[loss] has no term {term!r}; it has {', '.join(TERMS)}")
    export.config(recipe)
    export.draft(recipe)  # refuses what a card cannot say
    effects.check(recipe.augmentation, recipe.data)
    if recipe.precision == "16-mixed" and not torch.cuda.is_available():
        raise UsageError("precision 16-mixed needs a GPU; use 32, or bf16-mixed")
    if processes < 1 or recipe.data.batch % processes:
        raise UsageError(
            f"data.batch ({recipe.data.batch}) does not divide by {processes} processes"
        )


def _check_folder(recipe: Recipe, folder: Path, resume: bool) -> None:
    """Whether a training can begin in a folder, or go on. Raises UsageError."""
    there = (folder / LAST).exists()
    if resume and not there:
        raise UsageError(f"{shown(folder)}: has no {LAST} to resume from; leave out --resume")
    if there and not resume:
        raise UsageError(
            f"{shown(folder)}: holds a training already; --resume continues it, --output FOLDER "
            "starts another"
        )
    if not there and (folder / BEST).exists():
        raise UsageError(
            f"{shown(folder)}: holds the {BEST} of another training; move it away, or choose "
            "another folder with --output"
        )
    if resume and (words := checkpoint.unlike(recipe, read(folder / RECIPE))):
        raise UsageError(
            f"{shown(folder)}: --resume continues with the same weights, but {words}; take the "
            f"values of {RECIPE}, or start another training with --output FOLDER"
        )


def _ended(recipe: Recipe, found: Mapping[str, Any]) -> str:
    """Why a checkpoint's training has come to its end; empty where it goes on."""
    schedule, states = recipe.schedule, found["callbacks"]
    if found["global_step"] >= schedule.steps:
        return f"all {schedule.steps} steps are done; a higher schedule.steps goes on"
    if states["Clock"]["seconds"] > schedule.budget_minutes * 60:
        return (
            f"the budget of {schedule.budget_minutes:g} minutes is spent; a higher "
            "schedule.budget_minutes goes on"
        )
    if 0 < schedule.patience <= states["Scores"]["in_vain"]:
        return (
            f"no better score {states['Scores']['in_vain']} times in a row; a higher "
            "schedule.patience goes on"
        )
    return ""


def _begin(folder: Path, recipe: Recipe) -> None:
    """The folder, with the recipe in it. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{shown(folder)}: {advice(error)}") from error
    atomic_write(folder / RECIPE, as_toml(recipe))


def _try(network: nn.Module, recipe: Recipe) -> None:
    """Whether sound of an example's length passes. Raises UsageError."""
    silence = torch.zeros(1, recipe.data.channels, recipe.samples)
    network.eval()
    try:
        with torch.random.fork_rng(), torch.no_grad():
            network(silence)
    except (RuntimeError, ValueError, TypeError, ArithmeticError, IndexError) as error:
        raise UsageError(
            f"[network] {recipe.network}: these settings do not fit examples of "
            f"{recipe.data.seconds:g} s: {export.one_line(error)}"
        ) from error
    network.train()


def _start(network: nn.Module, path: Path) -> None:
    """Other weights than random ones. Raises UsageError where they do not fit."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = {name: value.float() for name, value in load_file(path).items()}
    except OSError as error:
        raise UsageError(f"schedule.start: {shown(path)}: {advice(error)}") from error
    except SafetensorError as error:
        raise UsageError(
            f"schedule.start: {shown(path)}: is not a complete safetensors file; name the "
            ".safetensors that lies beside a card"
        ) from error
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        reason = str(error).partition("\n")[2].partition("\n")[0].strip()
        raise UsageError(
            f"schedule.start: {shown(path)}: holds another network: {reason:.200}"
        ) from error


def _export(recipe: Recipe, folder: Path, steps: int, seconds: float, anew: bool = False) -> Result:
    """The best weights, or the last ones where no track was scored, and their card.

    anew: steps were made; else a card that is there keeps what it says of how they came about.
    """
    if (folder / BEST).exists():
        kept = checkpoint.best(folder / BEST)
    else:
        state = checkpoint.load(folder / LAST)["state_dict"]
        own = {name.removeprefix(AVERAGE): value for name, value in state.items()
               if name.startswith(AVERAGE)}  # fmt: skip
        kept = {"state": own, "step": steps, "scores": {}}
    made: Mapping[str, object] = {}
    if not anew:
        with suppress(UsageError):
            made = cards.card(str(folder / f"{recipe.name}.toml")).made
    made = made or export.made(recipe, kept["step"], seconds)
    card = export.write(folder, recipe, kept["state"], kept["scores"], made)
    return Result(card, kept["scores"], steps, seconds)


def _check_started(devices: int, nodes: int) -> None:
    """Raises UsageError where other processes were started than are asked for."""
    if "TORCHELASTIC_RUN_ID" in os.environ:  # by torchrun, which says how many
        each = int(os.environ["LOCAL_WORLD_SIZE"])
        machines = int(os.environ["WORLD_SIZE"]) // each
        if (each, machines) != (devices, nodes):
            raise UsageError(
                f"torchrun starts {each} processes on each of {machines} machines; give ",
                OptionName("devices"), f" {each} ", OptionName("nodes"), f" {machines}",
            )  # fmt: skip
    elif nodes > 1:
        raise UsageError(
            f"start it on each of the {nodes} machines with: torchrun --nnodes {nodes} "
            f"--nproc-per-node {devices} --rdzv-backend c10d --rdzv-endpoint HOST:PORT -m unweave "
            "train ..."
        )


def _strategy(processes: int) -> str | Strategy:
    # Some published networks have a parameter that no gradient reaches. Processes wait for the one
    # with the longest share of a validation, which may take hours.
    if processes == 1:
        return "auto"
    return DDPStrategy(find_unused_parameters=True, timeout=timedelta(days=7))


@contextmanager
def _one_line(folder: Path) -> Iterator[None]:
    """Errors of the disk and of memory, and those that come out of a worker with all of its
    traceback, as one line each."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{shown(folder)}: {advice(error)}") from error
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise MemoryLimitError(
            f"{shown(folder)}: a batch does not fit in memory; lower data.batch or data.seconds"
        ) from error
    except UnweaveError as error:
        last = str(error).rstrip().rpartition("\n")[2]
        if last == str(error):
            raise
        raise type(error)(last.partition(": ")[2]) from error


def _silent(_: str) -> None:
    pass


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning's own words, meant for its developers, are kept from the user."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(pytorch_lightning|lightning_fabric|torch)\b.*")
        logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
        yield
