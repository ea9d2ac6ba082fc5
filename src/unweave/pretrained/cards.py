"""Cards: the facts about one set of weights, one TOML file each in the folder `cards`.

A card says what the network is and how it is configured, who may use it, where its weights come
from and which SHA-256 they must have. The file's name is the model's name; adding one adds a model.
A path to a card elsewhere, `runs/mine/mine.toml`, is a name too: that of weights that lie beside
it.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import pkgutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeVar

from unweave.core.errors import UsageError
from unweave.core.plan import Plan
from unweave.core.stem_names import RESIDUAL
from unweave.core.typed import typed

ENDING = ".toml"
REST = ("accompaniment", "other")  # stems that by their name are what the others leave

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of a package: what it is to the converter, where it lies, what it must be."""

    role: str
    path: str  # below the folder that packages are installed in
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """An installed package that carries the weights in a foreign format; its code never runs."""

    name: str
    version: str
    licence: str
    home: str
    convert: str  # the file in pretrained/convert that reads it
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The safetensors file that the network loads, wherever it came from."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The facts about one set of weights.

    Weights lie in `file` where there is one; else they come from `package`, or from the first of
    `urls` that answers.
    """

    name: str
    title: str
    network: str  # the file in networks/
    stems: tuple[str, ...]
    sample_rate_hz: int
    channels: int
    licence_code: str
    licence_weights: str
    paper: str
    training_data: str
    weights: Weights
    segment: Plan  # what the network sees at once, in samples at the card's rate
    config: Mapping[str, object] = field(default_factory=dict)  # the network's own settings
    package: Package | None = None
    urls: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)  # as published or measured, in dB
    made: Mapping[str, object] = field(
        default_factory=dict
    )  # trained here: recipe, seed, commit, ...
    bytes_per_sample: float | None = None  # working memory for a sample; None: the network's own
    file: Path | None = None  # where weights lie that came with the card
    origin: Path | None = None  # a card that is not unweave's own: its file

    def __post_init__(self) -> None:
        if not self.stems or len(set(self.stems)) < len(self.stems):
            raise ValueError(f"stems must be names that differ; got {', '.join(self.stems)}")
        if RESIDUAL in self.stems:
            raise ValueError(f"no stem is called {RESIDUAL!r}: that is what the stems leave")
        if min(self.sample_rate_hz, self.channels) < 1:
            raise ValueError("sample_rate_hz and channels must be above 0")

    @property
    def rest(self) -> str | None:
        """The stem that by its name is what the others leave."""
        return next((stem for stem in REST if stem in self.stems), None)

    @property
    def place(self) -> str:
        """What to call the card in an error."""
        return self.name if self.origin is None else str(self.origin)


def names() -> list[str]:
    """Every card's name, sorted."""
    return sorted(
        entry.name.removesuffix(ENDING)
        for entry in _folder().iterdir()
        if entry.name.endswith(ENDING)
    )


def known(name: str) -> bool:
    """Whether there is a card called so, or lying there."""
    return name.endswith(ENDING) or name in names()


def card(name: str) -> Card:
    """The card called `name`, or at that path. Raises UsageError with the nearest names when there
    is none."""
    return _elsewhere(Path(name)) if name.endswith(ENDING) else _ours(name)


def unknown(name: str, names: Sequence[str]) -> str:
    """What to say of a name that no model has: those that are spelt nearly so, if any are."""
    near = [other for other in names if _alike(name, other) > 0.7]
    near += [other for other in names if _alike(name, other[: len(name) + 1]) > 0.85]
    guess = f"perhaps you mean {', '.join(dict.fromkeys(near))}; " if near else ""
    return f"no model is called {name!r}; {guess}'unweave models list' shows all"


def _alike(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


@cache
def _ours(name: str) -> Card:
    if name not in names():
        raise UsageError(unknown(name, names()))
    found = parse(name, (_folder() / f"{name}{ENDING}").read_text(encoding="utf-8"))
    return replace(found, file=_beside(Path(str(_folder())) / f"{name}{ENDING}"))


def sha256(name: str) -> str:
    """The hash of a card's text. Raises UsageError where it cannot be read."""
    if not name.endswith(ENDING):
        return hashlib.sha256((_folder() / f"{name}{ENDING}").read_bytes()).hexdigest()
    try:
        return hashlib.sha256(Path(name).read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"{name}: cannot be read ({error.strerror})") from error


def place(name: str) -> str:
    """The name of a card of ours, the absolute path of one elsewhere."""
    return os.path.abspath(name) if name.endswith(ENDING) else name


def _elsewhere(path: Path) -> Card:
    """Of weights that a user trained, their card. Raises UsageError."""
    try:
        found = parse(path.stem, path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is not a card: {error}") from error
    comes_along = found.package is None and not found.urls
    beside = path.with_suffix(".safetensors") if comes_along else _beside(path)
    return replace(found, file=beside, origin=path)


def _beside(path: Path) -> Path | None:
    weights = path.with_suffix(".safetensors")
    return weights if weights.exists() else None


def parse(name: str, text: str) -> Card:
    """The card that `text` (TOML) writes down.

    Raises ValueError, one line, for a fact that is unknown, lacks, or is of another type, and for a
    network that unweave does not have.
    """
    facts = tomllib.loads(text)
    package = facts.get("package")
    if isinstance(package, dict) and isinstance(package.get("files"), list):
        package["files"] = [_table("package.files", File, file) for file in package["files"]]
    for key, kind in (("package", Package), ("segment", Plan), ("weights", Weights)):
        if key in facts:
            facts[key] = _table(key, kind, facts[key])
    for key in ("name", "file", "origin"):  # where the card lies says these
        if key in facts:
            raise ValueError(f"a card does not say its {key}; leave it out")
    card = typed(Card, {"name": name, **facts})
    if card.network not in networks():
        raise ValueError(f"there is no network {card.network!r}; there are {', '.join(networks())}")
    config = {key: tuple(v) if isinstance(v, list) else v for key, v in card.config.items()}
    return replace(card, config=config)


def _table(key: str, kind: type[T], facts: object) -> T:
    if not isinstance(facts, dict):
        raise ValueError(f"{key} must be a table; got {facts!r:.80}")
    try:
        return typed(kind, facts)
    except ValueError as error:
        raise ValueError(f"[{key}]: {error}") from error


@cache
def networks() -> tuple[str, ...]:
    """The networks that a card may name: the files in `networks/`, sorted."""
    folder = [str(Path(str(resources.files(__package__))).parent / "networks")]
    found = (module.name for module in pkgutil.iter_modules(folder) if not module.ispkg)
    return tuple(sorted(name for name in found if not name.startswith("_")))


def _folder() -> Traversable:
    return resources.files(__package__) / "cards"
