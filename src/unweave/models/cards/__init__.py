"""Cards: the facts about one set of weights, one TOML file each.

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
import os
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path

from unweave import plugins
from unweave.core.files import content
from unweave.errors import UsageError
from unweave.models.cards.reading import parse, plain_yaml, read
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
ESTIMATORS = Path(__file__).parent / "estimators"
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


@cache
def _installed() -> dict[str, Place]:
    folder = own_folder()
    own = sorted(folder.glob(f"*{ENDING}")) if folder is not None else ()
    return {
        **{path.stem: Place(path, "") for path in own},
        **plugins.files(plugins.CARDS, OWN),  # whose names are taken
    }


def refresh() -> None:
    """Look for cards anew."""
    _installed.cache_clear()
    _read.cache_clear()


def names() -> list[str]:
    """The name of every installed card, sorted."""
    return sorted(_installed())


@cache
def estimators() -> list[str]:
    """The name of every network that separates nothing, sorted: each has a card here."""
    return sorted(path.stem for path in ESTIMATORS.glob(f"*{ENDING}"))


def known(name: str) -> bool:
    """Whether there is a card called so, or lying there."""
    return name.endswith(ENDING) or name in _installed()


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
    if name not in _installed():
        raise UsageError(unknown(name, names()))
    return _read(_installed()[name])


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
    """Where the card called `name` lies."""
    if name in estimators():
        return ESTIMATORS / f"{name}{ENDING}"
    return Path(name) if name.endswith(ENDING) else _installed()[name].path


def path_of(name: str) -> Path | None:
    """The same, None for a name that no card has."""
    return path(name) if known(name) else None


def sha256(name: str) -> str:
    """The hash of a card's text and of the config it names. Raises UsageError when unreadable."""
    path_ = path(name)
    with plugins.reading(path_, "card"):
        text = content(path_)
        config = tomllib.loads(text.decode()).get("config")
        if isinstance(config, str):
            text += content(path_.parent / config)
    return hashlib.sha256(text).hexdigest()
