"""Every separator by name: the only place that turns a name into one, importing only that one.

Classical techniques are the files of `separators/`, trained ones the cards of `pretrained/cards/`.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from unweave.core.types import Separator
from unweave.pretrained import cards, store
from unweave.pretrained.cards import Card

DEFAULT = "spleeter-2stems"


def names() -> list[str]:
    """All names, sorted."""
    return cards.names()


def describe(name: str) -> Card:
    """The facts about a separator, without loading it. Raises UsageError for an unknown name."""
    return cards.card(name)


def load(name: str = DEFAULT, **options: object) -> Separator:
    """The separator called `name`, with its weights; `to(device)` makes it ready to run.

    Raises UsageError for an unknown name or option, WeightsError where weights are missing.
    """
    card = describe(name)
    with ThreadPoolExecutor(1) as pool, no_collection():
        weights = pool.submit(store.weights, card)  # while torch is imported
        from unweave.pretrained import neural
    return neural.NeuralSeparator(card, options, weights.result())


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
