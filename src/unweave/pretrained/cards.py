"""Cards: the facts about one set of weights, one TOML file each in the folder `cards`.

A card says what the network is and how it is configured, who may use it, where its weights come
from and which SHA-256 they must have. The file's name is the model's name; adding one adds a model.
A path to a card elsewhere, `runs/mine/mine.toml`, is a name too: that of weights that lie beside
it.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from unweave.core.errors import UsageError

ENDING = ".toml"


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
class Segment:
    """What the network sees at once, in samples at the card's rate; words as in `types.Spec`."""

    length: int
    overlap: int = 0
    lead: int = 0
    margin: int = 0
    padded: bool = True  # silence fills segments up beyond the recording's ends
    windowed: bool = False  # its own window already makes overlapping segments sum to one


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The facts about one set of weights. `segment` is None where a network takes any length.

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
    segment: Segment | None = None
    config: Mapping[str, object] = field(default_factory=dict)  # the network's own settings
    package: Package | None = None
    urls: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)  # as published or measured, in dB
    made: Mapping[str, object] = field(
        default_factory=dict
    )  # trained here: recipe, seed, commit, ...
    bytes_per_sample: float | None = None  # working memory for a sample; None: the network's own
    file: Path | None = None  # weights that came with the card


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


@cache
def _ours(name: str) -> Card:
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=3, cutoff=0.4) or names()
        raise UsageError(f"no model is called {name!r}; perhaps you mean {', '.join(near)}")
    found = parse(name, (_folder() / f"{name}{ENDING}").read_text(encoding="utf-8"))
    return replace(found, file=_beside(Path(str(_folder())) / f"{name}{ENDING}"))


def _elsewhere(path: Path) -> Card:
    """Of weights that a user trained, their card. Raises UsageError."""
    try:
        found = parse(path.stem, path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, KeyError) as error:
        raise UsageError(f"{path}: is not a card: {error}") from error
    return replace(found, file=_beside(path))


def _beside(path: Path) -> Path | None:
    weights = path.with_suffix(".safetensors")
    return weights if weights.exists() else None


def parse(name: str, text: str) -> Card:
    """The card that `text` (TOML) writes down. Raises TypeError on an unknown or missing fact."""
    facts = tomllib.loads(text)
    package = facts.pop("package", None)
    if package is not None:
        package["files"] = tuple(File(**file) for file in package["files"])
    segment = facts.pop("segment", None)
    config = facts.pop("config", {})
    return Card(
        name=name,
        stems=tuple(facts.pop("stems")),
        urls=tuple(facts.pop("urls", ())),
        weights=Weights(**facts.pop("weights")),
        segment=None if segment is None else Segment(**segment),
        config={key: tuple(v) if isinstance(v, list) else v for key, v in config.items()},
        package=None if package is None else Package(**package),
        **facts,
    )


def _folder() -> Traversable:
    return resources.files(__package__) / "cards"
