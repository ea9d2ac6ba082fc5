"""The options of a trained model, before torch is imported and before its weights are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType

from unweave.models import architectures
from unweave.models.cards import Card
from unweave.options import WIENER, Option, checked
from unweave.types import Spec, Wave


def declared(card: Card) -> tuple[Option, ...]:
    """The options that the card's network takes."""
    options = getattr(_declarations(card), "options", None)
    found: tuple[Option, ...] = () if options is None else options(card.config)
    return found


def in_force(card: Card, options: Mapping[str, object]) -> dict[str, object]:
    """Every option of `declared` with its value. Raises UsageError, one line, for a wrong one."""
    known = declared(card)
    given = checked(known, options, card.name)
    return {item.name: given.get(item.name, item.default) for item in known}


def additive(card: Card, options: Mapping[str, object]) -> bool:
    """Whether the stems of the card's network sum to the mix, with the options of `in_force`.

    The network is told its settings, too.
    """
    of_network = getattr(_declarations(card), "additive", None)
    return True if of_network is None else bool(of_network({**card.config, **options}))


def spec(card: Card, options: Mapping[str, object]) -> Spec:
    """The facts of the card in the words of the engine, but for the memory that it takes."""
    return Spec(
        name=card.name,
        stems=card.stems,
        sample_rate_hz=card.sample_rate_hz,
        channels=card.channels,
        segmentation=card.segment.in_seconds(card.sample_rate_hz),
        complement=card.complement,
        additive=additive(card, options),
        mixed_precision=bool(getattr(_declarations(card), "MIXED_PRECISION", True)),
        paper=card.paper,
        licence=card.licence_weights,
        weights_sha256=card.weights_sha256 or None,
        options=recorded(options),
    )


def bytes_per_sample(
    card: Card, options: Mapping[str, object] = MappingProxyType({})
) -> float | None:
    """Working memory for a sample of a segment, where the network can tell it of its settings.

    options: those in force, which the network is told, too.
    """
    told = getattr(_declarations(card), "bytes_per_sample", None)
    if told is None:
        return None
    chosen = {**card.config, **options}
    return float(told(chosen, len(card.stems), card.channels, card.segment.length))


def level(card: Card) -> Callable[[Wave], Wave] | None:
    """What tells the level of a segment `(group, channel, time)`, `(group,)`, where the card's
    network has a measure of its own of the level of a recording: the highest of its segments'."""
    of_network = getattr(_declarations(card), "level", None)
    found: Callable[[Wave], Wave] | None = of_network and of_network(card.stems, card.config)
    return found


def revision(card: Card) -> int:
    """The revision of the card's network: it goes up when its code gives other bytes."""
    return int(getattr(_declarations(card), "REVISION", 1))


def large_pages(card: Card) -> bool:
    """Whether the card's network is quicker with its arrays in large pages (`LARGE_PAGES`)."""
    return bool(getattr(_declarations(card), "LARGE_PAGES", False))


def recorded(values: Mapping[str, object]) -> dict[str, object]:
    """`Spec.options` of a model: its own options, and no filter behind it."""
    return {**values} if WIENER.name in values else {**values, WIENER.name: WIENER.default}


def _declarations(card: Card) -> ModuleType | None:
    """What is known of the card's architecture before torch is imported, if it says anything."""
    return architectures.declarations(card.architecture) if card.architecture else None
