"""Weights to machines without a network: out of the cache into a folder, and from there into one.

The folder is laid out as the cache is; cards of a user's own go along in its folder `cards`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from unweave.core.atomic import atomic_path
from unweave.core.files import advice
from unweave.errors import UnweaveError, WeightsError
from unweave.models import cards, store
from unweave.models.cards import Card
from unweave.models.store import own

CARDS = "cards"


def export(found: Iterable[Card], folder: Path) -> list[Path]:
    """Copy the weights of cards into `folder`; returns what lies there now.

    Raises WeightsError for weights that are not here or not right, or where they cannot be written.
    """
    written = []
    for card in found:
        if not store.cached(card):
            raise WeightsError(
                f"{card.name}: its weights are not here; run: unweave models pull {card.name}"
            )
        if card.file is None:
            files = store.files(card)
            pairs = {file: folder / file.relative_to(store.cache_folder()) for file in files}
        elif card.path is not None and not card.origin:
            pairs = {file: folder / CARDS / file.name for file in (card.file, card.path)}
        else:
            raise WeightsError(
                f"{card.name}: its weights come with the package {card.origin}; install that there"
            )
        for source, target in pairs.items():
            _copy(source, target)
            written.append(target)
    return written


def import_(folder: Path) -> list[str]:
    """Take the weights of all cards that lie in `folder` into the cache; returns their names.

    Every file is checked before it gets its name. Raises WeightsError for a file that is not the
    card's, and for a folder that holds nothing.
    """
    names = [path.stem for path in sorted((folder / CARDS).glob("*.toml"))]
    for name in names:
        own.take(folder / CARDS / f"{name}.toml")
    for name in [*cards.names(), *cards.estimators()]:
        try:
            card = cards.card(name)
        except UnweaveError:  # of a package whose card is wrong
            continue
        if card.file is not None or card.bag is not None or name in names:
            continue
        files = store.files(card, folder)
        if not all(file.is_file() for file in files):
            continue
        if not store.cached(card, folder):
            raise WeightsError(f"{files[0]}: not the weights of {name}; export them anew")
        for file in files:
            _copy(file, store.cache_folder() / file.relative_to(folder))
        names.append(name)
    if not names:
        raise WeightsError(f"{folder}: holds no weights of a model that is known here")
    return names


def _copy(source: Path, target: Path) -> None:
    try:
        with atomic_path(target) as hidden:
            shutil.copyfile(source, hidden)
    except OSError as error:
        raise WeightsError(f"{error.filename or target}: {advice(error)}") from error
