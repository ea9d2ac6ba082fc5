"""Weights that a user has already: a file that is the published one of a card, by its SHA-256."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from unweave.core.atomic import sha256
from unweave.core.files import advice
from unweave.errors import UnweaveError, WeightsError
from unweave.models import cards, store
from unweave.models.cards import Card, Source
from unweave.models.store.sources import files

WHOLE = 64  # hexadecimal digits of a SHA-256


def card_of(file: Path) -> Card | None:
    """The card whose only file this is; None for any other, and for what cannot be read."""
    if not file.is_file():
        return None
    found = []
    with suppress(OSError):
        size_bytes, digest = file.stat().st_size, ""
        for name in cards.names():
            with suppress(UnweaveError):  # of a package whose card is wrong
                card = cards.card(name)
                source = _only_file(card)
                if source is not None and source.size_bytes in (0, size_bytes):
                    digest = digest or sha256(file)
                    found += [card] * (source.sha256 == digest)
    return found[0] if found else None


def take(card: Card, file: Path) -> None:
    """Copy the file of a card, as `card_of` found it, to where its weights belong.

    Raises WeightsError where it changed meanwhile or the cache cannot be written.
    """
    (published,) = card.sources[0].contents
    try:
        folder = store.folder(card)
        with store.alone(card), file.open("rb") as stream:
            files.take(published, stream, folder, str(file))
    except OSError as error:
        raise WeightsError(
            f"{store.cache_folder()}: {advice(error)} (UNWEAVE_CACHE names another folder)"
        ) from error
    store.pull(card)


def _only_file(card: Card) -> Source | None:
    """The source of a card, if it is one file whose whole SHA-256 is stated."""
    if card.file is not None or len(card.sources) != 1:
        return None
    (source,) = card.sources
    return source if not source.package and len(source.sha256) == WHOLE else None
