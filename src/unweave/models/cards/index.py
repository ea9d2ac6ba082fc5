"""Index files: many cards in one file, in which what models share is written once.

A file `NAME.index.toml` in a folder of cards has four kinds of tables:

- `[model.NAME]` is a card: all facts that a card may have (`schema`), and those of its `class`, or
  of several in a list, of which the last counts first;
- `[class.NAME]` holds facts of several models, and may itself have a `class`;
- `[default]` holds facts of all models;
- `[board.NAME]` holds `metric`, `data` and `origin` of scores that were measured alike.

The nearest fact counts; tables, as `config` and `segment`, are joined key by key. The one source of
a model is written as `url` or `file`, `mirrors`, `reader`, `sha256` and `size_bytes` of the model
itself, its scores as `scores.BOARD.STEM`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unweave.core.file_names import safe
from unweave.core.files import content

ENDING = ".index.toml"
VERSION = 1
TABLES = {"version", "default", "class", "board", "model"}
OF_SOURCE = ("url", "file", "mirrors", "reader", "sha256", "size_bytes")

Facts = dict[str, Any]


def read(path: Path) -> dict[str, Facts]:
    """The facts of each card in an index file, by name, as a card's own file would state them.

    Raises ValueError in one line, OSError.
    """
    found = tomllib.loads(content(path).decode())
    if strange := sorted(found.keys() - TABLES):
        raise ValueError(
            f"there is no {strange[0]!r:.80}; an index has {', '.join(sorted(TABLES))}"
        )
    if found.get("version") != VERSION:
        raise ValueError(f"its version must be {VERSION}; got {found.get('version')!r:.80}")
    models, classes = _tables(found, "model"), _tables(found, "class")
    boards, default = _tables(found, "board"), found.get("default", {})
    if not isinstance(default, dict):
        raise ValueError(f"default must be a table; got {default!r:.80}")
    rows = {}
    for name, own in models.items():
        if safe(name, everywhere=False) != name or name.endswith(".toml"):
            raise ValueError(f"no model can be called {name!r:.80}")
        try:
            rows[name] = _card(_joined(default, _with_class(own, classes, ())), boards)
        except ValueError as error:
            raise ValueError(f"[model.{name}]: {error}") from error
    return rows


def _tables(facts: Mapping[str, Any], key: str) -> dict[str, Facts]:
    found = facts.get(key, {})
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise ValueError(f"{key} must be tables, as [{key}.NAME]")
    return found


def _with_class(own: Facts, classes: Mapping[str, Facts], within: tuple[str, ...]) -> Facts:
    """Facts and those of their classes, which may have some too. Raises ValueError."""
    named = own.get("class", [])
    shared: Facts = {}
    for name in named if isinstance(named, list) else [named]:
        if not isinstance(name, str) or name not in classes:
            raise ValueError(f"there is no class {name!r:.80}")
        if name in within:
            raise ValueError(f"the class {name} is of itself")
        shared = _joined(shared, _with_class(classes[name], classes, (*within, name)))
    return _joined(shared, {key: value for key, value in own.items() if key != "class"})


def _joined(shared: Facts, own: Facts) -> Facts:
    """Both, tables joined key by key; of two facts that of `own`."""
    both = {
        key: _joined(shared[key], own[key])
        for key in shared.keys() & own.keys()
        if isinstance(shared[key], dict) and isinstance(own[key], dict)
    }
    return {**shared, **own, **both}


def _card(facts: Facts, boards: Mapping[str, Facts]) -> Facts:
    """The same facts as a card's own file has them. Raises ValueError."""
    card = {key: value for key, value in facts.items() if key not in OF_SOURCE}
    source = {key: value for key, value in facts.items() if key in OF_SOURCE}
    if source.keys() & {"url", "file"}:
        if "sources" in card:
            raise ValueError("it has both sources and a source of its own")
        card["sources"] = [source]
    if isinstance(scores := facts.get("scores"), dict):
        card["scores"] = [each for key in scores for each in _scores(key, scores[key], boards)]
    return card


def _scores(name: str, values: object, boards: Mapping[str, Facts]) -> list[Facts]:
    if name not in boards or not isinstance(values, dict):
        raise ValueError(f"scores are scores.BOARD.STEM; there is no board {name!r:.80}")
    return [
        {**boards[name], "stem": "" if stem == "mean" else stem, "value_db": value}
        for stem, value in values.items()
    ]
