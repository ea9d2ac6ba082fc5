"""A card's file: read, and checked against what cards may say."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from unweave import plugins
from unweave.core.file_names import safe
from unweave.core.files import content
from unweave.core.plan import Plan
from unweave.core.typed import typed
from unweave.models import architectures
from unweave.models.cards.schema import (
    NO_WEIGHTS,
    UNWEAVE,
    Bag,
    Card,
    File,
    Fixture,
    Score,
    Source,
    Weights,
)

T = TypeVar("T")

MOST_VALUES = 100_000  # of a YAML file
LONGEST = 1_000_000  # letters of a YAML file: the library takes minutes for ten times as many


def read(path: Path, origin: str) -> Card:
    """The card that lies at `path`, and where its weights lie beside it. Raises UsageError."""
    with plugins.reading(path, "card"):
        if safe(path.stem, everywhere=False) != path.stem:  # folders are called as the model is
            raise ValueError(f"no model can be called {path.stem!r:.80}: rename the file")
        found = parse(path.stem, content(path).decode(), path.parent)
    beside: Path | None = path.with_suffix(".safetensors")
    elsewhere = found.sources and not path.with_suffix(".safetensors").exists()
    if found.weights == NO_WEIGHTS or elsewhere:
        beside = None
    return replace(found, file=beside, path=None if origin == UNWEAVE else path, origin=origin)


ONE_TABLE = {"segment": Plan, "weights": Weights, "bag": Bag, "fixture": Fixture}


def parse(name: str, text: str, folder: Path | None = None) -> Card:
    """The card that `text` (TOML) writes down; `folder` holds the config that it may name.

    Raises ValueError, one line, for a fact that is unknown, lacks, or is of another type, and for
    an architecture that unweave does not have.
    """
    return made(name, tomllib.loads(text), folder)


def made(name: str, stated: Mapping[str, Any], folder: Path | None = None) -> Card:
    """The same of facts that are read already. Raises ValueError."""
    facts = dict(stated)
    if facts.get("version") != 2:
        raise ValueError(f"its version must be 2; got {facts.get('version')!r:.80}")
    for key in ("name", "file", "path", "origin"):  # where the card lies says these
        if key in facts:
            raise ValueError(f"a card cannot set {key}; leave it out")
    if isinstance(facts.get("config"), str):
        facts["config"] = _config(folder, facts["config"])
    facts["sources"] = [
        {**each, "files": [_table("sources.files", File, f) for f in _tables(each, "files")]}
        if isinstance(each, dict) and "files" in each
        else each
        for each in _tables(facts, "sources")
    ]
    for key, many in (("sources", Source), ("scores", Score)):
        facts[key] = [_table(key, many, item) for item in _tables(facts, key)]
    for key, one in ONE_TABLE.items():
        if key in facts:
            facts[key] = _table(key, one, facts[key])
    card = typed(Card, {"name": name, **facts})
    if card.architecture and card.architecture not in (known := architectures.names()):
        raise ValueError(
            f"unknown architecture {card.architecture!r:.80}; there are {', '.join(known)}"
        )
    if card.convert and not architectures.has(card.architecture, "convert"):
        raise ValueError(f"{card.architecture} has no converter of names: leave out `convert`")
    config = {key: tuple(v) if isinstance(v, list) else v for key, v in card.config.items()}
    return replace(card, config=config)


def _tables(facts: Mapping[str, Any], key: str) -> list[Any]:
    """The list under `key`, an empty one where there is none. Raises ValueError."""
    found = facts.get(key, [])
    if not isinstance(found, list):
        raise ValueError(f"{key} must be a list of tables, [[{key}]]; got {found!r:.80}")
    return found


def _table(key: str, kind: type[T], facts: object) -> T:
    if not isinstance(facts, dict):
        raise ValueError(f"{key} must be a table; got {facts!r:.80}")
    try:
        return typed(kind, facts)
    except ValueError as error:
        raise ValueError(f"[{key}]: {error}") from error


def _config(folder: Path | None, name: str) -> object:
    """The settings in a YAML file beside the card, read as data. Raises ValueError and OSError."""
    if folder is None or Path(name).name != name:
        raise ValueError(f"config must name a file beside the card; got {name!r:.80}")
    try:
        return plain_yaml(folder / name)
    except ValueError as error:
        raise ValueError(f"config: {name} {error}") from error


def plain_yaml(path: Path) -> object:
    """What a YAML or JSON file holds, read as data, tuples too. Raises ValueError and OSError."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Plain values and tuples, and no more of them than a file of settings has."""

        def compose_document(self) -> Any:
            node = super().compose_document()
            _check_values(node, {})  # before anything is made of it
            return node

    def as_tuple(loader: Loader, node: Any) -> tuple[object, ...]:
        return tuple(loader.construct_sequence(node, deep=True))

    Loader.add_constructor("tag:yaml.org,2002:python/tuple", as_tuple)
    try:
        text = content(path).decode()
    except UnicodeDecodeError as error:
        raise ValueError("is not text in UTF-8, as settings are; save it as UTF-8") from error
    if len(text) > LONGEST:
        raise ValueError(f"is longer than the {LONGEST} letters that settings may have")
    if path.suffix.lower() == ".json":
        text = text.replace("\t", " ")  # which JSON may have between its values, and YAML not
    try:
        return yaml.load(text, Loader)  # noqa: S506 - a safe loader that also knows tuples
    except RecursionError as error:
        raise ValueError("is not plain YAML (its lists are nested without end)") from error
    except MemoryError:
        raise
    except (
        Exception
    ) as error:  # of a value that is not what its tag says, the library says anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"is not plain YAML ({reason:.200})") from error


def _check_values(node: Any, counts: dict[int, int]) -> int:
    """The values of a YAML node, those of an alias each time that it stands there.

    A short file of aliases of aliases can mean any number of values. counts: of nodes seen, by
    their identity. Raises ValueError where there are too many, RecursionError for one in itself.
    """
    if id(node) not in counts:
        inner = node.value if isinstance(node.value, list) else ()
        pairs = [each if isinstance(each, tuple) else (each,) for each in inner]
        count = 1 + sum(_check_values(each, counts) for pair in pairs for each in pair)
        if count > MOST_VALUES:
            raise ValueError(f"it has more than {MOST_VALUES} values, aliases written out")
        counts[id(node)] = count
    return counts[id(node)]
