"""Cards: the facts about one set of weights, in a TOML file each or together in an index.

A card says which architecture it is and how it is configured, who may use it, where its weights
come from and which SHA-256 they must have (`schema`). The file's name is the model's name. Cards
lie in the folders that packages name in the entry-point group `unweave.cards`; unweave's own lie
beside this file. Those of estimators, networks that find chords or notes and separate nothing, lie
in `estimators`. Those that users add lie in a folder of the user's data. Folders are found and
read (`reading`), no code of such a package runs. A path to a card elsewhere, `runs/mine/mine.toml`,
is a name too.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import logging
import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path

from unweave import plugins
from unweave.core.files import content
from unweave.errors import UsageError
from unweave.models.cards import index
from unweave.models.cards.reading import made, parse, plain_yaml, read
from unweave.models.cards.schema import (
    NO_WEIGHTS,
    SEPARATION,
    UNWEAVE,
    Bag,
    Card,
    File,
    Fixture,
    Score,
    Source,
    Weights,
)
from unweave.plugins import ENDING, Place

__all__ = [
    "NO_WEIGHTS", "SEPARATION", "Bag", "Card", "File", "Fixture", "Score", "Source", "Weights",
    "parse", "plain_yaml",
]  # fmt: skip

OWN = EntryPoint(UNWEAVE, "unweave.models.cards", plugins.CARDS)
INDEX = index.ENDING.removesuffix(ENDING)  # how names of files end that are no card's
ESTIMATORS = Path(__file__).parent / "estimators"
log = logging.getLogger(__name__)

SEPARATE = {"mir1k-": "unweave-mir1k"}  # how names begin that packages of this repository bring


def own_folder() -> Path | None:
    """Where cards of the user's own lie, which have names as those of packages have.

    It is below `UNWEAVE_DATA`, else below the user's data folder; None for a user without a home.
    """
    import platformdirs

    given = os.environ.get("UNWEAVE_DATA")
    try:
        root = Path(given).expanduser() if given else Path(platformdirs.user_data_dir("unweave"))
    except RuntimeError:
        return None
    return root.absolute() / "models"


@dataclass(frozen=True, slots=True)
class Row:
    """A card in an index: its facts, where the index lies, and the package that brought it."""

    facts: index.Facts
    path: Path
    origin: str


@cache
def _files() -> dict[str, Place]:
    """The files that packages bring, those with one card and indices."""
    return plugins.files(plugins.CARDS, OWN)


@cache
def _rows() -> dict[str, Row]:
    """The cards in indices. They are read where a name is not that of a file."""
    found: dict[str, Row] = {}
    for place in _files().values():
        if not place.path.name.endswith(index.ENDING):
            continue
        try:
            with plugins.reading(place.path, "table of cards"):
                rows = index.read(place.path)
        except UsageError as error:  # costs the names of its package alone
            log.warning("%s", error)
            continue
        for name, facts in rows.items():
            found.setdefault(name, Row(facts, place.path, place.origin))
    return found


@cache
def _own() -> dict[str, Place]:
    """The user's own."""
    folder = own_folder()
    paths = sorted(folder.glob(f"*{ENDING}")) if folder is not None else ()
    return {path.stem: Place(path, "") for path in paths}


def _found(name: str) -> Place | Row | None:
    """Where the card called `name` is: in a file of a package, in an index, or the user's own."""
    for places in (_files, _rows, _own):
        if name in (found := places()) and not name.endswith(INDEX):
            return found[name]
    return None


def refresh() -> None:
    """Look for cards anew."""
    for each in (_files, _rows, _own, _read, _read_row):
        each.cache_clear()


def names() -> list[str]:
    """The name of every installed card, sorted."""
    every = {*_files(), *_rows(), *_own()}
    return sorted(name for name in every if not name.endswith(INDEX))


@cache
def estimators() -> list[str]:
    """The name of every network that separates nothing, sorted: each has a card here."""
    return sorted(path.stem for path in ESTIMATORS.glob(f"*{ENDING}"))


def known(name: str) -> bool:
    """Whether there is a card called so, or lying there."""
    return name.endswith(ENDING) or _found(name) is not None


@cache
def _read(place: Place) -> Card:
    return read(place.path, place.origin)


def card(name: str) -> Card:
    """The card called `name`, or at that path.

    Raises UsageError with the nearest names when there is none, or for one that is wrong.
    """
    if name.endswith(ENDING):
        return read(Path(name), "")
    if name in estimators():
        return _read(Place(path(name), UNWEAVE))
    found = _found(name)
    if found is None:
        raise UsageError(unknown(name, names()))
    return _read_row(name) if isinstance(found, Row) else _read(found)


@cache
def _read_row(name: str) -> Card:
    row = _rows()[name]
    with plugins.reading(row.path, "table of cards"):
        return replace(made(name, row.facts), origin=row.origin)


def unknown(name: str, names: Sequence[str]) -> str:
    """What to say of a name that no model has: those that are spelt nearly so, if any are."""
    if name in estimators():
        return f"{name} separates nothing; it finds {card(name).task} for 'unweave analyze'"
    for start, package in SEPARATE.items():
        if name.startswith(start) and not any(other.startswith(start) for other in names):
            return (
                f"no model is called {name!r} here; the package {package} brings those: "
                f"run pip install packages/{package} in a copy of unweave's repository"
            )
    near = [other for other in names if _alike(name, other) > 0.7]
    near += [other for other in names if _alike(name, other[: len(name) + 1]) > 0.85]
    guess = f"perhaps you mean {', '.join(dict.fromkeys(near))}; " if near else ""
    return f"no model is called {name!r}; {guess}'unweave models list' shows all"


def _alike(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def path(name: str) -> Path:
    """The file that the card called `name` lies in."""
    if name in estimators():
        return ESTIMATORS / f"{name}{ENDING}"
    if name.endswith(ENDING):
        return Path(name)
    found = _found(name)
    assert found is not None
    return found.path


def path_of(name: str) -> Path | None:
    """The same, None for a name that no card has."""
    return path(name) if known(name) else None


def sha256(name: str) -> str:
    """The hash of a card's text and of the config it names. Raises UsageError when unreadable."""
    if not name.endswith(ENDING) and isinstance(row := _found(name), Row):
        return hashlib.sha256(json.dumps(row.facts, sort_keys=True).encode()).hexdigest()
    path_ = path(name)
    with plugins.reading(path_, "card"):
        text = content(path_)
        config = tomllib.loads(text.decode()).get("config")
        if isinstance(config, str):
            text += content(path_.parent / config)
    return hashlib.sha256(text).hexdigest()
