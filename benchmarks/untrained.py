"""Models with random weights, of a card's size or another one: a card and its weights in a folder.

    .venv/bin/python -m benchmarks.untrained FOLDER CARD [--set KEY=VALUE ...]
        [--segment KEY=VALUE ...] [--rate HZ] [--name NAME]

prints the path of the new card, which is a name for `unweave separate -m`. What a model takes in
time and memory does not depend on what it has learned.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unweave.core import toml
from unweave.models import architectures, cards
from unweave.models.cards import Card
from unweave.models.openunmix.model import OpenUnmix, OpenUnmixConfig
from unweave.models.readers import safetensors
from unweave.models.spleeter.model import Spleeter, SpleeterConfig

UNTRAINABLE = {"openunmix": (OpenUnmixConfig, OpenUnmix), "spleeter": (SpleeterConfig, Spleeter)}
FACTS = ("title", "architecture", "stems", "complement", "normalise_track")


def write(
    folder: Path,
    like: str,
    *,
    name: str = "",
    config: Mapping[str, Any] | None = None,
    segment: Mapping[str, Any] | None = None,
    sample_rate_hz: int = 0,
) -> Path:
    """The card of a model as `like` is, with other settings where some are given.

    config, segment: keys of the card's tables, the segment in samples.
    """
    card = cards.card(like)
    settings = {**card.config, **(config or {})}
    stream = io.BytesIO()
    safetensors.write(stream, drawn(card, settings))
    content = stream.getvalue()
    plan = {key: value for key, value in asdict(card.segment).items() if value is not None}
    facts = {key: getattr(card, key) for key in FACTS if getattr(card, key) is not None}
    facts |= {"licence_code": "MIT", "licence_weights": "MIT", "paper": card.paper}
    facts["sample_rate_hz"] = sample_rate_hz or card.sample_rate_hz
    facts |= {"version": 2, "channels": card.channels, "training_data": "none: drawn at random"}
    facts |= {"segment": {**plan, **(segment or {})}, "config": settings}
    facts["weights"] = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name or like}.toml"
    path.with_suffix(".safetensors").write_bytes(content)
    path.write_bytes(toml.dumps(facts))
    return path


def drawn(card: Card, settings: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Weights of order one, under which the output is of the order of the input."""
    kind = UNTRAINABLE.get(card.architecture)
    config, network = kind or architectures.model(card.architecture).NETWORK
    with torch.device("meta"):
        made = network(config(stems=card.stems, channels=card.channels, **settings))
    rng = np.random.default_rng(7)
    arrays = {}
    for key, value in made.state_dict().items():
        array = rng.standard_normal(tuple(value.shape), np.float32)
        if array.ndim > 1:
            array /= np.sqrt(array[0].size)
        else:
            array = float(key.endswith(("weight", "scale", "var"))) + 0.1 * array
        arrays[_in_file(card, key)] = array.astype(np.float32)
    return arrays


def _in_file(card: Card, name: str) -> str:
    """What an array of the network is called in a file: Spleeter's have the stem's name."""
    if card.architecture != "spleeter":
        return name
    _, number, rest = name.split(".", 2)
    return f"{card.stems[int(number)]}.{rest}"


def pair(text: str) -> tuple[str, Any]:
    key, _, value = text.partition("=")
    return key, json.loads(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("card")
    parser.add_argument("--set", type=pair, nargs="+", default=[], metavar="KEY=VALUE")
    parser.add_argument("--segment", type=pair, nargs="+", default=[], metavar="KEY=VALUE")
    parser.add_argument("--rate", type=int, default=0, help="samples a second; default: the card's")
    parser.add_argument("--name", default="", help="default: the card's")
    given = parser.parse_args()
    changes = {"config": dict(given.set), "segment": dict(given.segment)}
    print(write(given.folder, given.card, name=given.name, sample_rate_hz=given.rate, **changes))


if __name__ == "__main__":
    main()
