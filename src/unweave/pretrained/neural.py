"""A network and a card make a separator.

Each file in `networks/` has `build(stems, channels, config, weights, **options)`, which returns a
module from waves `(batch, channel, segment)` to stems `(batch, stem, channel, segment)` that knows
whether its stems are `additive` and can `prepare_for_cpu`, and `BYTES_PER_SAMPLE`, what its
published size takes as working memory. All else is on the card, which may know that better.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
from torch import Tensor

from unweave.core.errors import UsageError
from unweave.core.types import Spec
from unweave.pretrained import store
from unweave.pretrained.cards import Card

REST = ("accompaniment", "other")  # stems that by their name are what the others leave


class NeuralSeparator:
    """A trained network behind the contract of `unweave.core.types.Separator`."""

    def __init__(
        self, card: Card, options: Mapping[str, object], weights: Mapping[str, np.ndarray]
    ) -> None:
        """Put the network together. Raises UsageError for options that mean nothing."""
        self.card = card
        self.network = network(card, options, weights)
        self.spec = spec(card, options, additive=bool(self.network.additive))
        self.device: str | None = None

    def to(self, device: str) -> NeuralSeparator:
        if device == self.device:
            return self
        # What is arranged for one device does not move to another: start from the weights again.
        fresh = self
        if self.device is not None:
            fresh = NeuralSeparator(self.card, self.spec.options, store.weights(self.card))
        fresh.network.to(device)
        if device == "cpu":
            fresh.network.prepare_for_cpu()
        fresh.device = device
        return fresh

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
    build, known = _build(card), option_names(card)
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise UsageError(f"{card.name} has no option {unknown[0]!r}; it takes {', '.join(known)}")
    try:
        return build(card.stems, card.channels, card.config, weights, **options)
    except ValueError as error:
        raise UsageError(f"{card.name}: {error}") from error


def option_names(card: Card) -> tuple[str, ...]:
    """The options that a card's network takes."""
    parameters = inspect.signature(_build(card)).parameters.values()
    return tuple(p.name for p in parameters if p.kind == p.KEYWORD_ONLY)


def _build(card: Card) -> Any:
    return _module(card).build


def _module(card: Card) -> Any:
    return import_module(f"unweave.networks.{card.network}")


def spec(card: Card, options: Mapping[str, object], *, additive: bool) -> Spec:
    """The facts of the card in the words of the engine."""
    segment = card.segment
    if segment is None:
        raise ValueError(f"card {card.name} says no segment")
    rate = card.sample_rate_hz
    return Spec(
        name=card.name,
        stems=card.stems,
        sample_rate_hz=rate,
        channels=card.channels,
        segment_s=segment.length / rate,
        overlap_s=segment.overlap / rate,
        lead_s=segment.lead / rate,
        margin_s=segment.margin / rate,
        bytes_per_sample=card.bytes_per_sample or _module(card).BYTES_PER_SAMPLE,
        padded=segment.padded,
        windowed=segment.windowed,
        rest=next((stem for stem in REST if stem in card.stems), None),
        additive=additive,
        trained=True,
        paper=card.paper,
        licence=card.licence_weights,
        weights_sha256=card.weights.sha256,
        options=dict(options),
    )
