"""Every network as a separator, tiny and untrained: the contract holds whatever its weights are.

So it does for every card whose weights are not here. What is small is said by the tests of the
network, `test_NETWORK.py`: `SMALL` are settings; where these are not enough, `narrow(card)` is the
whole card made small, and `drawn(card)` gives its weights.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from tests import at_hand
from unweave import registry
from unweave.core.plan import Plan
from unweave.engine.compose import AnySeparator
from unweave.models import architectures, cards, store
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
    found: dict[str, Any] = _tests_of(network).SMALL
    return found


def _tests_of(network: str) -> Any:
    return import_module(f"{NETWORKS}.test_{network}")


@cache
def elsewhere() -> list[str]:
    """The cards whose weights are not here, one of each kind.

    Cards of a kind are the same small network once their weights are random.
    """
    absent = (name for name in reversed(cards.names()) if name not in at_hand())
    return sorted({_kind(cards.card(name)): name for name in absent}.values())


def further() -> set[str]:
    """Those of them that are in an index, behind the first of their network with or without a
    complement: one of each goes through the checks in every run, the others in a long one."""
    first: dict[tuple[str, bool], str] = {}
    rows = [
        cards.card(name) for name in elsewhere() if cards.path(name).name.endswith("index.toml")
    ]
    for card in rows:
        first.setdefault((card.architecture, card.complement is None), card.name)
    return {card.name for card in rows} - set(first.values())


def _kind(card: cards.Card) -> str:
    """What tells a small network with random weights from another."""
    if card.bag is not None:
        one_each = all(sum(map(bool, column)) == 1 for column in zip(*card.bag.matrix, strict=True))
        return repr((one_each, len(card.stems), card.complement is None))
    small = _narrow(card)
    plan = (small.segment.window, small.segment.edge, small.segment.context > 0)
    facts = (small.architecture, sorted(small.config.items()), len(small.stems), plan)
    return repr((*facts, small.complement is None, small.channels, small.normalise_track))


def with_random_weights(name: str) -> AnySeparator:
    """The separator of a card, of small networks with random weights, whatever is at hand."""
    card = cards.card
    with (
        patch.object(cards, "card", lambda name: _narrow(card(name))),
        patch.object(store, "needs_download", lambda card: False),
        patch.object(store, "weights", lambda card, on_bytes=None: _drawn(card)),
    ):
        return registry.load(name)


def _narrow(card: cards.Card) -> cards.Card:
    if card.bag is not None:
        return card
    own = getattr(_tests_of(card.architecture), "narrow", None)
    if own is not None:
        narrowed: cards.Card = own(card)
        return narrowed
    return replace(card, config={**card.config, **small(card.architecture)})


def _drawn(card: cards.Card) -> dict[str, np.ndarray]:
    own = getattr(_tests_of(card.architecture), "drawn", None)
    if own is not None:
        arrays: dict[str, np.ndarray] = own(card)
        return arrays
    config, network = architectures.model(card.architecture).NETWORK
    torch.manual_seed(0)
    made = network(config(stems=card.stems, channels=card.channels, **card.config))
    return {key: value.numpy() for key, value in made.state_dict().items()}


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
        **{"complement": "accompaniment", **facts},
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
