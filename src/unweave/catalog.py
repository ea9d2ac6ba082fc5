"""Every separator by name: the only place that turns a name into one, importing only that one.

Classical techniques are the files of `separators/`, each with its frozen dataclass under the name
`TECHNIQUE`; trained ones are the cards of `pretrained/cards/`.
"""

from __future__ import annotations

import difflib
import gc
import pkgutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from unweave import separators
from unweave.core import parameters
from unweave.core.errors import UsageError
from unweave.core.parameters import Parameter
from unweave.core.types import Separator
from unweave.pretrained import cards, store
from unweave.pretrained.cards import Card

DEFAULT = "spleeter-2stems"
WIENER = "wiener"  # an option of every separator, see separators/_wiener.py


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique:
    """The facts about a classical technique; its parameters are its options."""

    name: str
    title: str
    doc: str  # the file's docstring, for the documentation
    stems: tuple[str, ...]
    paper: str
    licence: str
    parameters: tuple[Parameter, ...]


def names() -> list[str]:
    """All names, sorted."""
    return sorted([*cards.names(), *techniques()])


def techniques() -> list[str]:
    """The names of the classical techniques, sorted."""
    return sorted(
        module.name.replace("_", "-")
        for module in pkgutil.iter_modules(separators.__path__)
        if not module.ispkg and not module.name.startswith("_")
    )


def describe(name: str, options: Mapping[str, object] | None = None) -> Card | Technique:
    """The facts about a separator, without loading its weights.

    options: a technique's stems may depend on them. Raises UsageError for an unknown name or, with
    a classical technique, a wrong option.
    """
    if cards.known(name):
        return cards.card(name)
    module = _module(name)
    spec = parameters.build(module.TECHNIQUE, _own(options or {})).spec
    return Technique(
        name=name,
        title=(module.__doc__ or "").partition("\n")[0].strip(),
        doc=module.__doc__ or "",
        stems=spec.stems,
        paper=spec.paper,
        licence=spec.licence,
        parameters=(*parameters.parameters(module.TECHNIQUE), _wiener().OPTION),
    )


def option_names(name: str) -> tuple[str, ...]:
    """The options that `load` takes for a separator. Raises UsageError for an unknown name."""
    own = _own_names(name)
    return own if WIENER in own else (*own, WIENER)


def load(name: str = DEFAULT, **options: object) -> Separator:
    """The separator called `name`, with its weights; `to(device)` makes it ready to run.

    options: its own, and `wiener`, the rounds of a multichannel Wiener filter, for any of them.
    Raises UsageError for an unknown name or option, WeightsError where weights are missing.
    """
    if WIENER in options and WIENER not in _own_names(name):
        own = _own(options)
        rounds = _wiener().OPTION.check(options[WIENER], name)
        separator = load(name, **own)
        return _wiener().Refined(separator, rounds) if rounds else separator
    if name in techniques():
        technique: Separator = parameters.build(_module(name).TECHNIQUE, options)
        return technique
    if not cards.known(name):
        raise _unknown(name)
    card = cards.card(name)
    with ThreadPoolExecutor(1) as pool, no_collection():
        weights = pool.submit(store.weights, card)  # while torch is imported
        from unweave.pretrained import neural
    return neural.NeuralSeparator(card, options, weights.result())


def _own_names(name: str) -> tuple[str, ...]:
    """The options that are a separator's own. Raises UsageError for an unknown name."""
    if cards.known(name):
        from unweave.pretrained import neural

        return neural.option_names(cards.card(name))
    return tuple(item.name for item in parameters.parameters(_module(name).TECHNIQUE))


def _own(options: Mapping[str, object]) -> dict[str, object]:
    """Options without that of the filter behind a separator."""
    return {key: value for key, value in options.items() if key != WIENER}


def _wiener() -> Any:
    return import_module(f"{separators.__name__}._wiener")


def _module(name: str) -> Any:
    """The file of a classical technique."""
    if name not in techniques():
        raise _unknown(name)
    return import_module(f"{separators.__name__}.{name.replace('-', '_')}")


def _unknown(name: str) -> UsageError:
    near = difflib.get_close_matches(name, names(), n=3, cutoff=0.4) or names()
    return UsageError(f"no model is called {name!r}; perhaps you mean {', '.join(near)}")


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
