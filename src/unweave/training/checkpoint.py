"""Checkpoints as data: tensors, numbers and words are read from them, and nothing in them runs.

A checkpoint is a pickle, which is a program. `load` lets none of it but plain data through, and
says in one line what is wrong with a file that is something else. `unlike` compares recipes: what
belongs to the weights cannot change where a training goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unweave.core.files import advice, shown
from unweave.errors import WeightsError
from unweave.training import export
from unweave.training.recipe import Recipe

NOT_OURS = "take a copy that is whole, or start another training with --output FOLDER"


def load(path: Path) -> dict[str, Any]:
    """The plain data in a file that torch wrote. Raises WeightsError for anything else."""
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"{shown(path)}: cannot be read: {advice(error)}") from error
    except Exception as error:  # a file of anybody's fails in many ways
        raise WeightsError(
            f"{shown(path)}: is damaged, or holds more than numbers; nothing in it was run; "
            f"{NOT_OURS}"
        ) from error
    if not isinstance(found, dict):
        raise _foreign(path)
    return found


def last(path: Path, state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The checkpoint to go on from, which has tensors like those of `state`. Raises
    WeightsError."""
    found = load(path)
    kinds = {"global_step": int, "seen": int, "random": Tensor, "state_dict": dict, "loops": dict,
             "callbacks": dict, "optimizer_states": list, "lr_schedulers": list}  # fmt: skip
    if not all(isinstance(found.get(key), kind) for key, kind in kinds.items()):
        raise _foreign(path)
    for name, key in (("Clock", "seconds"), ("Scores", "in_vain")):
        facts = found["callbacks"].get(name)
        if not isinstance(facts, dict) or not isinstance(facts.get(key), (int, float)):
            raise _foreign(path)
    if _shapes(found["state_dict"]) != _shapes(state):
        raise WeightsError(
            f"{shown(path)}: holds weights of another network than the run's recipe; {NOT_OURS}"
        )
    return found


def best(path: Path) -> dict[str, Any]:
    """The weights that scored best: their `state`, `step` and `scores`. Raises WeightsError."""
    found = load(path)
    kinds = {"state": dict, "step": int, "scores": dict}
    if not all(isinstance(found.get(key), kind) for key, kind in kinds.items()):
        raise _foreign(path)
    return found


def unlike(ours: Recipe, theirs: Recipe) -> str:
    """What of `ours` differs from `theirs` and belongs to the weights, or to what chooses them, in
    words; empty where nothing does."""
    mine, other = _belongs(ours), _belongs(theirs)
    keys = [key for key in {**other, **mine} if mine.get(key) != other.get(key)]
    return ", ".join(f"{key} is {_said(mine, key)} and was {_said(other, key)}" for key in keys)


def _belongs(recipe: Recipe) -> dict[str, object]:
    """The values that a training keeps to its end, by key."""
    settings = export.config(recipe)
    network = {f.name: getattr(settings, f.name) for f in fields(settings)
               if f.name not in export.FROM_DATA}  # fmt: skip
    kept = ("stems", "sample_rate_hz", "channels", "dataset", "split", "validation_split",
            "validation_tracks")  # fmt: skip
    return {
        "network.name": recipe.network.replace("-", "_"),
        **{f"network.{name}": value for name, value in network.items()},
        **{f"data.{name}": getattr(recipe.data, name) for name in kept},
        "pit": recipe.pit,
        "loss": tuple(sorted(term for term, weight in recipe.loss.items() if weight)),
        "optimiser.name": recipe.optimiser.name,
    }


def _said(values: Mapping[str, object], key: str) -> str:
    value = values.get(key, "not there")
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)


def _shapes(state: Mapping[str, Any]) -> dict[str, object]:
    return {name: getattr(value, "shape", None) for name, value in state.items()}


def _foreign(path: Path) -> WeightsError:
    return WeightsError(f"{shown(path)}: is not a checkpoint of unweave; {NOT_OURS}")
