"""What a training leaves: weights as safetensors, and the card that makes them a separator.

Matrices and kernels are float16; what is small and may be tiny or large (norms, biases) stays
float32.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unweave.core.errors import OutputError, UsageError
from unweave.core.typed import typed
from unweave.core.whole import appearing
from unweave.io.files import advice, shown
from unweave.pretrained import cards
from unweave.pretrained.cards import Card
from unweave.pretrained.convert.arrays import write_safetensors
from unweave.training.recipe import Recipe

SEGMENT_S, OVERLAP_S = 8.0, 1.0


def network(recipe: Recipe) -> nn.Module:
    """The recipe's network with random weights. Raises UsageError where settings mean nothing."""
    name = recipe.network.replace("-", "_")
    try:
        config, module = import_module(f"unweave.networks.{name}").NETWORK
    except (ModuleNotFoundError, AttributeError) as error:
        raise UsageError(f"no network is called {recipe.network!r} that can be trained") from error
    try:
        made: nn.Module = module(
            typed(
                config,
                {"stems": recipe.data.stems, "channels": recipe.data.channels, **recipe.settings},
            )
        )
    except ValueError as error:
        raise UsageError(f"[network] {recipe.network}: {error}") from error
    return made


def arrays(state: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """A network's parameters as they are kept."""
    return {
        name: value.detach().cpu().to(torch.float16 if value.ndim > 1 else torch.float32).numpy()
        for name, value in state.items()
    }


def weights_file(state: Mapping[str, Tensor]) -> bytes:
    """The safetensors file of a network's parameters."""
    stream = io.BytesIO()
    write_safetensors(stream, arrays(state))
    return stream.getvalue()


def card_text(
    recipe: Recipe, content: bytes, scores: Mapping[str, float], made: Mapping[str, object]
) -> str:
    """The card of weights that lie in a file with that content: TOML as in `pretrained/cards`.

    scores: in dB; made: how they came about (steps, minutes, commit and so on).
    """
    rate, facts = recipe.data.sample_rate_hz, dict(recipe.card)
    segment, overlap = (
        round(float(facts.pop(key, usual)) * rate)
        for key, usual in (("segment_s", SEGMENT_S), ("overlap_s", OVERLAP_S))
    )
    # Training hears no silence beyond a recording's ends: by default nor does separation.
    padded, bytes_per_sample = facts.pop("padded", False), facts.pop("bytes_per_sample", None)
    head: dict[str, Any] = {
        "title": facts.pop("title", recipe.name),
        "network": recipe.network.replace("-", "_"),
        "stems": recipe.data.stems,
        "sample_rate_hz": rate,
        "channels": recipe.data.channels,
        "licence_code": "MIT",
        "licence_weights": facts.pop("licence", "unknown: say it in the recipe's [card]"),
        "paper": facts.pop("paper", ""),
        "training_data": facts.pop(
            "training_data", f"{recipe.data.dataset} {recipe.data.split}".strip()
        ),
    }
    if bytes_per_sample is not None:
        head["bytes_per_sample"] = bytes_per_sample
    if not isinstance(padded, bool):
        raise UsageError(f"[card] padded is true or false, got {padded!r}")
    if facts:
        raise UsageError(f"[card] has no {sorted(facts)[0]!r}")
    tables = {
        "segment": {"length": segment, "overlap": overlap, "lead": overlap, "padded": padded},
        "config": recipe.settings,
        "weights": {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)},
        "scores": scores,
        "made": made,
    }
    lines = [f"{key} = {_toml(value)}" for key, value in head.items()]
    for key, table in tables.items():
        lines += ["", f"[{key}]", *(f"{name} = {_toml(value)}" for name, value in table.items())]
    return "\n".join(lines) + "\n"


def draft(recipe: Recipe) -> Card:
    """The card of a network that is still being trained: enough for a separator in memory."""
    return cards.parse(recipe.name, card_text(recipe, b"", {}, {}))


def write(folder: Path, recipe: Recipe, state: Mapping[str, Tensor], scores: Mapping[str, float],
          made: Mapping[str, object]) -> Path:  # fmt: skip
    """The weights and their card in `folder`, the card last; its path. Raises OutputError."""
    content = weights_file(state)
    text = card_text(
        recipe,
        content,
        scores,
        {**made, "recipe": recipe.name, "seed": recipe.seed, "commit": commit()},
    )
    card = folder / f"{recipe.name}.toml"
    put(folder / f"{recipe.name}.safetensors", content)
    put(card, text.encode())
    return card


def put(path: Path, content: bytes) -> None:
    """A file, whole or not at all. Raises OutputError."""
    try:
        with appearing(path) as hidden:
            hidden.write_bytes(content)
    except OSError as error:
        raise OutputError(f"{shown(path)}: {advice(error)}") from error


def commit() -> str:
    """The commit of the source that runs, "+" if it was changed; empty where there is none."""
    here = Path(__file__).parent

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + "+" * bool(
            git("status", "--porcelain", "--", ".")
        )
    except (OSError, subprocess.CalledProcessError):
        return ""


def _toml(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
