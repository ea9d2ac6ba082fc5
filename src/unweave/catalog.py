"""Every separator by name: the only place that turns a name into one, importing only that one.

Classical techniques are the files of `separators/`, each with its frozen dataclass under the name
`TECHNIQUE`; trained ones are the cards of `pretrained/cards/`.
"""

from __future__ import annotations

import gc
import pkgutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from unweave import separators
from unweave.core import parameters
from unweave.core.errors import UsageError
from unweave.core.parameters import WIENER, Parameter
from unweave.core.types import Separator, Spec
from unweave.pretrained import cards, store
from unweave.pretrained import options as trained
from unweave.pretrained.cards import Card

DEFAULT = "spleeter-2stems"


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique:
    """The facts about a classical technique."""

    name: str
    title: str
    doc: str  # the file's docstring, for the documentation
    stems: tuple[str, ...]
    paper: str
    licence: str


def names() -> list[str]:
    """All names, sorted."""
    return sorted([*cards.names(), *techniques()])


def techniques() -> list[str]:
    """The names of the classical techniques, sorted."""
    return sorted(
        module.name.replace("_", "-")
        for module in pkgutil.iter_modules(separators.__path__)
        if not module.name.startswith("_")
    )


def describe(name: str) -> Card | Technique:
    """The facts about a separator, without its weights. Raises UsageError for an unknown name."""
    if cards.known(name):
        return cards.card(name)
    module = _module(name)
    spec = module.TECHNIQUE().spec
    return Technique(
        name=name,
        title=(module.__doc__ or "").partition("\n")[0].strip(),
        doc=module.__doc__ or "",
        stems=spec.stems,
        paper=spec.paper,
        licence=spec.licence,
    )


def card_sha256(name: str) -> str | None:
    """The hash of a trained separator's card; None for a technique. Raises UsageError."""
    if cards.known(name):
        return cards.sha256(name)
    _module(name)
    return None


def options(name: str) -> tuple[Parameter, ...]:
    """The options that `load` takes for a separator, without its weights.

    Raises UsageError for an unknown name.
    """
    own = _own_options(name)
    return own if WIENER in own else (*own, WIENER)


def in_force(name: str, given: Mapping[str, object]) -> tuple[dict[str, object], tuple[str, ...]]:
    """Every option's value, as `Spec.options` has them, and the `Spec.outputs` they lead to.

    given: the options that are not to be defaults. Weights are not loaded. Raises UsageError for
    an unknown name, option, or value.
    """
    if not cards.known(name):
        spec = load(name, **given).spec
        return dict(spec.options), spec.outputs
    values = parameters.checked(options(name), given, name)
    found = {item.name: values.get(item.name, item.default) for item in options(name)}
    card = cards.card(name)
    spec = Spec(name=name, stems=card.stems, rest=card.rest, additive=trained.additive(card, found))
    return found, spec.outputs


def load(name: str = DEFAULT, **given: object) -> Separator:
    """The separator called `name`, with its weights; `to(device)` makes it ready to run.

    given: its own options, and `wiener`, the rounds of a multichannel Wiener filter, for any of
    them. Raises UsageError for an unknown name, option or value before weights are read,
    WeightsError where weights are missing.
    """
    values = parameters.checked(options(name), given, name)
    rounds = 0 if WIENER in _own_options(name) else values.pop(WIENER.name, 0)
    separator = (
        _trained(cards.card(name), values) if cards.known(name) else _classical(name, values)
    )
    return _wiener().Refined(separator, rounds) if rounds else separator


def technique(name: str, given: Mapping[str, object]) -> Any:
    """A classical technique itself, for what it can do besides separating: no filter behind it.

    Raises UsageError for an unknown name, option or value.
    """
    return parameters.build(_module(name).TECHNIQUE, given)


def _own_options(name: str) -> tuple[Parameter, ...]:
    """The options of a separator itself. Raises UsageError for an unknown name."""
    if cards.known(name):
        return trained.declared(cards.card(name))
    return parameters.parameters(_module(name).TECHNIQUE)


def _classical(name: str, values: Mapping[str, object]) -> Separator:
    technique: Separator = _module(name).TECHNIQUE(**values)
    return technique


def _trained(card: Card, values: Mapping[str, object]) -> Separator:
    with ThreadPoolExecutor(1) as pool, no_collection():
        weights = pool.submit(store.weights, card)  # while torch is imported
        from unweave.pretrained import neural
    return neural.NeuralSeparator(card, values, weights.result())


@dataclass(frozen=True, slots=True)
class Pins:
    """What a name stands for now. `model`: the name, or the absolute path of a card elsewhere."""

    model: str
    card_sha256: str | None = None  # None: a technique without weights
    weights_sha256: str | None = None


def pins(name: str) -> Pins:
    """The hashes of a separator's card and weights. Raises UsageError for an unknown name.

    Raises WeightsError for weights that lie beside a card and are not those it names; others are
    checked when they are loaded.
    """
    if not cards.known(name):
        _module(name)
        return Pins(name)
    card = cards.card(name)
    store.check(card)
    return Pins(cards.place(name), cards.sha256(name), card.weights.sha256)


def files(name: str) -> list[Path]:
    """The weights of a separator, and its card where that is not unweave's own."""
    if not cards.known(name):
        return []
    card = cards.card(name)
    return [store.path(card), *filter(None, [card.origin])]


def _wiener() -> Any:
    return import_module(f"{separators.__name__}._wiener")


def _module(name: str) -> Any:
    """The file of a classical technique."""
    if name not in techniques():
        raise _unknown(name)
    return import_module(f"{separators.__name__}.{name.replace('-', '_')}")


def _unknown(name: str) -> UsageError:
    return UsageError(cards.unknown(name, names()))


@contextmanager
def no_collection() -> Iterator[None]:
    """No search for garbage inside. Importing torch makes a million objects and hardly any."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
