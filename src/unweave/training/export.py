"""What a training leaves: weights as safetensors, and the card that makes them a separator.

Matrices and kernels are float16; what is small and may be tiny or large (norms, biases) stays
float32.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unweave.core import toml
from unweave.core.files import atomic_write
from unweave.core.source import commit
from unweave.core.typed import typed
from unweave.errors import UsageError
from unweave.models import architectures, cards
from unweave.models.cards import Card
from unweave.models.readers import safetensors
from unweave.training.recipe import Recipe

COMPLEMENTS = ("accompaniment", "other")  # stems that are the complement by their name
FROM_DATA = ("stems", "channels")  # settings of every network that stand in [data]


def network(recipe: Recipe) -> nn.Module:
    """The recipe's network with random weights. Raises UsageError where settings mean nothing."""
    _, module = _network(recipe.network)
    try:
        made: nn.Module = module(config(recipe))
    except (TypeError, ValueError, ArithmeticError, IndexError, RuntimeError) as error:
        raise UsageError(f"[network] {recipe.network}: {one_line(error)}") from error
    return made


def config(recipe: Recipe) -> Any:
    """All settings of the recipe's network, as its dataclass. Raises UsageError."""
    kind, _ = _network(recipe.network)
    data = {name: getattr(recipe.data, name) for name in FROM_DATA}
    try:
        for name in data.keys() & recipe.settings.keys():
            raise ValueError(f"{name} belongs to [data], not to [network]")
        return typed(kind, {**data, **recipe.settings})
    except (TypeError, ValueError, ArithmeticError) as error:
        raise UsageError(f"[network] {recipe.network}: {one_line(error)}") from error


def _network(name: str) -> tuple[Any, Any]:
    """The config and the module of a network of `models/`. Raises UsageError."""
    key = name.replace("-", "_")
    if key not in architectures.names():
        raise UsageError(f"unknown network {name!r}")
    found: tuple[Any, Any] | None = getattr(architectures.model(key), "NETWORK", None)
    if found is None:
        raise UsageError(f"the network {name!r} separates, but it is not made to be trained")
    return found


def one_line(error: BaseException) -> str:
    """What a library says, without its line breaks."""
    return " ".join(str(error).split())[:300]


def arrays(state: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """A network's parameters as they are kept."""
    return {
        name: value.detach().cpu().to(torch.float16 if value.ndim > 1 else torch.float32).numpy()
        for name, value in state.items()
    }


def weights_file(state: Mapping[str, Tensor]) -> bytes:
    """The safetensors file of a network's parameters."""
    stream = io.BytesIO()
    safetensors.write(stream, arrays(state))
    return stream.getvalue()


def card_text(
    recipe: Recipe, content: bytes, scores: Mapping[str, float], made: Mapping[str, object]
) -> bytes:
    """The card of weights that lie in a file with that content: TOML as in `models/cards`.

    scores: of the validation, in dB; made: how they came about (steps, minutes, commit and so on).
    """
    rate, facts = recipe.data.sample_rate_hz, recipe.card
    own_bytes = {"bytes_per_sample": facts.bytes_per_sample} if facts.bytes_per_sample else {}
    data = f"{recipe.data.dataset} {recipe.data.split}".strip()
    nsdr = recipe.data.dataset == "mir-1k" and "vocals" in recipe.data.stems
    complement = next((stem for stem in COMPLEMENTS if stem in recipe.data.stems), None)
    return toml.dumps({
        "version": 2,
        "title": facts.title or recipe.name,
        "architecture": recipe.network.replace("-", "_"),
        "stems": recipe.data.stems,
        **({"complement": complement} if complement else {}),
        "sample_rate_hz": rate,
        "channels": recipe.data.channels,
        "licence_code": "MIT",
        "licence_weights": facts.licence or "unknown: say it in the recipe's [card]",
        "paper": facts.paper,
        "training_data": facts.training_data or data,
        **own_bytes,
        "segment": {
            "length": round(facts.segment_s * rate),
            "fade": round(facts.overlap_s * rate),
            # Training sees nothing beyond a recording's ends: by default nor does separation.
            "edge": "zeros" if facts.padded else "inside",
        },
        "config": recipe.settings,
        "weights": {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)},
        "scores": [
            {"metric": "NSDR" if nsdr else "SDR", "value_db": round(value, 2),
             "data": f"{data}, validation", "origin": "unweave train",
             **({"stem": stem} if stem != "mean" else {})}
            for stem, value in scores.items()
        ],
        "made": made,
    })  # fmt: skip


def draft(recipe: Recipe) -> Card:
    """The card of a network that is still being trained: enough for a separator in memory."""
    return cards.parse(recipe.name, card_text(recipe, b"", {}, {}).decode())


def write(folder: Path, recipe: Recipe, state: Mapping[str, Tensor], scores: Mapping[str, float],
          made: Mapping[str, object]) -> Path:  # fmt: skip
    """The weights and their card in `folder`, the card last; its path. Raises OutputError."""
    content = weights_file(state)
    card = folder / f"{recipe.name}.toml"
    atomic_write(folder / f"{recipe.name}.safetensors", content)
    atomic_write(card, card_text(recipe, content, scores, made))
    return card


def made(recipe: Recipe, steps: int, seconds: float) -> dict[str, object]:
    """How weights came about, for their card."""
    return {
        "steps": steps,
        "minutes": round(seconds / 60, 1),
        "recipe": recipe.name,
        "seed": recipe.seed,
        "commit": commit(),
    }
