"""Every network as a separator, tiny and untrained: the contract holds whatever its weights are."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch

from unweave.core.plan import Plan
from unweave.models import architectures, cards
from unweave.models.adapter import NeuralSeparator

PREFIX = "untrained "
NETWORKS = "tests.models.networks"


def networks_to_train() -> set[str]:
    """The folders of `models/` that say what is trained there."""
    return {name for name in architectures.names() if hasattr(architectures.model(name), "NETWORK")}


def names() -> list[str]:
    return [PREFIX + name for name in sorted(networks_to_train())]


def small(network: str) -> dict[str, Any]:
    """The settings of a small one: `SMALL` of the network's own tests."""
    found: dict[str, Any] = import_module(f"{NETWORKS}.test_{network}").SMALL
    return found


def card_of(name: str, **facts: Any) -> cards.Card:
    """The card of a network without weights, at 8 kHz."""
    return cards.Card(
        name=name,
        title=name,
        sample_rate_hz=8000,
        licence_code="MIT",
        licence_weights="MIT",
        paper="none",
        training_data="none",
        weights=cards.Weights(sha256="0", size_bytes=0),
        complement="accompaniment",
        **facts,
    )


def load(name: str) -> NeuralSeparator:
    """The separator of one of `names`: stereo, 8 kHz, segments of half a second."""
    network = name.removeprefix(PREFIX)
    config, module = architectures.model(network).NETWORK
    stems = ("vocals", "accompaniment")
    torch.manual_seed(0)
    made = module(config(stems=stems, channels=2, **small(network)))
    facts = {"name": name, "architecture": network, "channels": 2, "config": small(network)}
    card = card_of(stems=stems, segment=Plan(length=4096, fade=512, context=256), **facts)
    return NeuralSeparator(card, {}, {k: v.numpy() for k, v in made.state_dict().items()})
