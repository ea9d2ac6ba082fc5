"""Networks that separate nothing: they find chords or notes for a use, by weights of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unweave.models import cards, store

if TYPE_CHECKING:
    from unweave.models.readers import Arrays


def names() -> list[str]:
    """The names of all, sorted."""
    return cards.estimators()


def here(name: str) -> bool:
    """Whether all its weights are here. Raises UsageError for a wrong card."""
    return store.here(cards.card(name))


def weights(name: str) -> dict[str, Arrays]:
    """The verified arrays of one, as their authors call them, by the role of their file.

    Raises WeightsError, saying what to run, where they are not here: nothing is fetched.
    """
    return store.published(cards.card(name))
