"""A network and a card make a separator.

An architecture's `model` has `build(stems, channels, config, weights, **options)`; options are
those that its `options` declares. It returns a module from waves `(batch, channel, segment)` to
stems `(batch, stem, channel, segment)`, which may have `prepare_for_cpu`. `BYTES_PER_SAMPLE` is
what its published size takes as working memory, unless its `options` can tell it of any settings.
All else is on the card, which may know better.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from unweave.errors import UsageError, WeightsError
from unweave.models import architectures, store
from unweave.models import options as own
from unweave.models.cards import Card
from unweave.models.layers.weights import settings
from unweave.options import shown
from unweave.types import Spec


class NeuralSeparator:
    """A trained network behind the contract of `unweave.types.Separator`."""

    def __init__(
        self, card: Card, options: Mapping[str, object], weights: Mapping[str, np.ndarray]
    ) -> None:
        """Put the network together. Raises UsageError for options that it does not have."""
        self.card = card
        self.options = own.in_force(card, options)
        self.network = network(card, self.options, weights)
        self.spec = spec(card, self.options)
        self.device: str | None = None

    def __repr__(self) -> str:
        return shown(self.spec)

    def to(self, device: str) -> NeuralSeparator:
        if device == self.device:
            return self
        # What is arranged for one device does not move to another: start from the weights again.
        fresh = self
        if self.device is not None:
            whole = NeuralSeparator(self.card, self.options, store.weights(self.card))
            same = self.spec.stems == whole.spec.stems
            narrowed = whole if same else whole.select(self.spec.stems)
            assert narrowed is not None  # as it gave this one
            fresh = narrowed
        fresh.network.to(device)
        if device == "cpu" and hasattr(fresh.network, "prepare_for_cpu"):
            fresh.network.prepare_for_cpu()
        fresh.device = device
        return fresh

    def select(self, stems: tuple[str, ...]) -> NeuralSeparator | None:
        """The separator of only these stems; None where its network needs all to make one."""
        narrowed = getattr(self.network, "select", lambda stems: None)(stems)
        if narrowed is None:
            return None
        chosen = copy(self)
        chosen.network = narrowed
        chosen.spec = replace(self.spec, stems=stems, additive=False, complement=None)
        return chosen

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        spec = self.spec
        if mix.ndim != 3 or mix.shape[1] != spec.channels:
            raise ValueError(
                f"{spec.name} takes (batch, {spec.channels} channels, time), got {tuple(mix.shape)}"
            )
        if sample_rate_hz != spec.sample_rate_hz:
            raise ValueError(
                f"{spec.name} works at {spec.sample_rate_hz} Hz, the mix has {sample_rate_hz}"
            )
        stems: Tensor = self.network(mix)
        return stems


def network(card: Card, options: Mapping[str, object], weights: Mapping[str, np.ndarray]) -> Any:
    """The module of a card, with its weights, as the options want it."""
    try:
        return _module(card).build(card.stems, card.channels, card.config, weights, **options)
    except ValueError as error:
        raise UsageError(f"{card.place}: {error}") from error
    except WeightsError as error:
        raise WeightsError(f"{store.path(card)}: {error}") from error


def check_config(card: Card) -> None:
    """Raises UsageError where the card's `[config]` is not what its architecture takes.

    An architecture that does not say what it takes, by `NETWORK`, says so when it is built.
    """
    network = getattr(_module(card), "NETWORK", None)
    if network is not None:
        try:
            settings(network[0], card.stems, card.channels, card.config)
        except ValueError as error:
            raise UsageError(f"{card.place}: {error}") from error


def _module(card: Card) -> Any:
    return architectures.model(card.architecture)


def spec(card: Card, options: Mapping[str, object]) -> Spec:
    """The facts of the card in the words of the engine."""
    needs = card.bytes_per_sample or own.bytes_per_sample(card, options)
    needs = needs or _module(card).BYTES_PER_SAMPLE
    return replace(own.spec(card, options), bytes_per_sample=needs)
