"""A recipe: all that decides a training, in one TOML; each table is a dataclass below.

Fields have a default, a line of meaning and limits in one place, as in `core/parameters.py`; lists
and tables of numbers are checked here. `--set optimiser.rate=1e-4` changes one value.
"""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from unweave.core import parameters
from unweave.core.errors import UsageError
from unweave.core.parameters import parameter
from unweave.io.files import advice, shown


@dataclass(frozen=True, kw_only=True)
class Data:
    """What examples are made of."""

    dataset: str = parameter("folder", "the dataset's name, as in `unweave dataset list`")
    root: str = parameter("", "its folder, relative to where the command runs")
    split: str = parameter("", "only tracks of this split; empty: of all")
    validation_split: str = parameter("", "whose tracks choose the weights; empty: `held_out` does")
    held_out: tuple[str, ...] = ()  # tracks whose names begin so are not trained on but validated
    even: tuple[str, ...] = ()  # groups, by how names begin, that are heard as often as others
    stems: tuple[str, ...] = ("vocals", "accompaniment")
    sample_rate_hz: int = parameter(44100, "of the tracks and of the network", at_least=1)
    channels: int = parameter(2, "of the network; tracks with one are repeated", at_least=1)
    seconds: float = parameter(4.0, "length of an example", above=0)
    batch: int = parameter(4, "examples in one step, over all processes", at_least=1)
    coherent: float = parameter(
        0.5,
        "share of examples whose stems come from one moment of one track",
        at_least=0,
        at_most=1,
    )
    memory_mb: int = parameter(2000, "decoded sound that is kept for the next time", at_least=0)
    workers: int = parameter(0, "processes that make examples; 0: the training's own", at_least=0)


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What may happen to each stem of an example by itself; 0 is never, or nothing."""

    gain_db: float = parameter(3.0, "standard deviation of a stem's gain", at_least=0)
    polarity: float = parameter(
        0.5, "how often a stem is turned upside down", at_least=0, at_most=1
    )
    swap: float = parameter(0.5, "how often left and right change places", at_least=0, at_most=1)
    shift: float = parameter(
        0.0, "how often a stem that is not coherent runs in a circle from anywhere", at_least=0,
        at_most=1,
    )  # fmt: skip
    speed: float = parameter(0.0, "how often speed changes, pitch with it", at_least=0, at_most=1)
    speed_by: float = parameter(0.15, "by at most this part, up or down", at_least=0, at_most=0.5)
    tempo: float = parameter(0.0, "how often tempo changes, pitch stays", at_least=0, at_most=1)
    tempo_by: float = parameter(0.12, "by at most this part", at_least=0, at_most=0.5)
    formants: float = parameter(
        0.0, "how often resonances move, pitch stays: another throat", at_least=0, at_most=1
    )
    formants_by: float = parameter(0.15, "by at most this part", at_least=0, at_most=0.5)
    eq: float = parameter(0.0, "how often a smooth random filter", at_least=0, at_most=1)
    eq_db: float = parameter(4.0, "standard deviation of its bands", at_least=0, at_most=20)
    reverb: float = parameter(0.0, "how often a room", at_least=0, at_most=1)
    codec: float = parameter(
        0.0, "how often through an MP3 encoder and back", at_least=0, at_most=1
    )
    drop: float = parameter(0.0, "how often a stem is silent, never all", at_least=0, at_most=1)


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """How weights move."""

    name: str = parameter("adamw", "which", choices=("adamw", "adam", "sgd"))
    rate: float = parameter(1e-3, "learning rate at its highest", above=0)
    weight_decay: float = parameter(1e-2, "pull towards zero, adamw's", at_least=0)
    clip: float = parameter(5.0, "longest gradient; 0: any", at_least=0)
    average: float = parameter(
        0.999, "decay of the moving average of weights", at_least=0, at_most=1
    )


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long."""

    steps: int = parameter(10000, "batches in all", at_least=1)
    warmup: int = parameter(200, "steps in which the rate rises", at_least=0)
    decay: int = parameter(2000, "steps at the end in which it falls, as a cosine", at_least=0)
    budget_minutes: float = parameter(60.0, "after that the training ends", above=0)
    validate_every: int = parameter(500, "steps from score to score", at_least=1)
    patience: int = parameter(
        0, "scores in a row without a better one that end it; 0: any", at_least=0
    )
    save_every: int = parameter(100, "steps from checkpoint to checkpoint", at_least=1)
    start: str = parameter("", "a safetensors file of weights to start from; empty: at random")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All of it. Raises UsageError, one line, for what it cannot mean."""

    name: str
    network: str  # the file in networks/
    settings: Mapping[str, Any] = field(default_factory=dict)  # the network's own
    loss: Mapping[str, float] = field(default_factory=lambda: {"wave_l1": 1.0})  # term: weight
    unnamed: bool = False  # stems have no order: every permutation counts, the best is learnt (PIT)
    seed: int = 0
    precision: str = "32"  # "bf16-mixed" on machines that have it, "16-mixed" on GPUs
    data: Data = field(default_factory=Data)
    augmentation: Augmentation = field(default_factory=Augmentation)
    optimiser: Optimiser = field(default_factory=Optimiser)
    schedule: Schedule = field(default_factory=Schedule)
    card: Mapping[str, Any] = field(default_factory=dict)  # title, licence, paper, training_data

    @property
    def samples(self) -> int:
        """Length of an example."""
        return round(self.data.seconds * self.data.sample_rate_hz)


TABLES = {"data": Data, "augmentation": Augmentation, "optimiser": Optimiser, "schedule": Schedule}
WORDS = {int: "a whole number", bool: "true or false", str: "a word", dict: "a table"}
PRECISIONS = ("32", "bf16-mixed", "16-mixed")


def read(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in a file, with `key=value` changes. Raises UsageError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{shown(path)}: {advice(error)}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown(path)}: is not a recipe: not UTF-8 text") from error
    return parse(text, shown(path), name=path.stem, overrides=overrides)


def parse(text: str, source: str, *, name: str, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe that `text` (TOML) writes down; `source` names it in errors. Raises UsageError."""
    try:
        facts = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{source}: is not TOML: {error}") from error
    for override in overrides:
        _set(facts, override)
    _known(source, facts, [f.name for f in fields(Recipe)])
    network = facts.pop("network", None)
    if not isinstance(network, dict) or not isinstance(network.get("name"), str):
        raise UsageError(f"{source}: needs a table [network] with the name of a file in networks/")
    settings = {
        k: tuple(v) if isinstance(v, list) else v for k, v in network.items() if k != "name"
    }
    tables = {key: _table(source, key, kind, facts.pop(key, {})) for key, kind in TABLES.items()}
    loss = facts.pop("loss", None) or {"wave_l1": 1.0}
    if not isinstance(loss, dict) or not all(_number(weight) for weight in loss.values()):
        raise UsageError(f"{source}: [loss] has a number for each term, as in wave_l1 = 1.0")
    if facts.get("precision") == 32:
        facts["precision"] = "32"  # as --set precision=32 and most people write it
    for key, kind in (("seed", int), ("unnamed", bool), ("precision", str), ("card", dict)):
        if key in facts and type(facts[key]) is not kind:  # a bool is no int here
            raise UsageError(f"{source}: {key} is {WORDS[kind]}, got {facts[key]!r}")
    if facts.get("precision", "32") not in PRECISIONS:
        raise UsageError(f"{source}: precision is one of {', '.join(PRECISIONS)}")
    facts.setdefault("name", name)
    return Recipe(network=network["name"], settings=settings, loss=loss, **facts, **tables)


def as_toml(recipe: Recipe) -> str:
    """The whole recipe with all its values, as `read` takes it."""
    lines = [
        f"{key} = {_toml(getattr(recipe, key))}" for key in ("name", "seed", "unnamed", "precision")
    ]
    tables: dict[str, Mapping[str, Any]] = {
        "network": {"name": recipe.network, **recipe.settings},
        "loss": recipe.loss,
    }
    for key in TABLES:
        section = getattr(recipe, key)
        tables[key] = {f.name: getattr(section, f.name) for f in fields(section)}
    tables["card"] = recipe.card
    for key, table in tables.items():
        lines += ["", f"[{key}]", *(f"{name} = {_toml(value)}" for name, value in table.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    # JSON's strings, numbers and words are TOML's too.
    return json.dumps(value, ensure_ascii=False)


def _set(facts: dict[str, Any], override: str) -> None:
    """`optimiser.rate=1e-4` into the tables; a value is read as TOML, else it is a word."""
    key, equals, text = override.partition("=")
    words = key.strip().split(".")
    if not equals or not all(words):
        raise UsageError(
            f"--set takes key=value, as in --set optimiser.rate=1e-4; got {override!r}"
        )
    try:
        value = tomllib.loads(f"value = {text.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    table = facts
    for word in words[:-1]:
        table = table.setdefault(word, {})
        if not isinstance(table, dict):
            raise UsageError(f"--set {override}: {word} is a value, not a table")
    table[words[-1]] = value


def _table(source: str, name: str, kind: type, given: Any) -> Any:
    if not isinstance(given, dict):
        raise UsageError(f"{source}: [{name}] is a table, got {given!r}")
    _known(f"{source}: [{name}]", given, [f.name for f in fields(kind)])
    checked = {item.name: item for item in parameters.parameters(kind)}
    values = {}
    for key, value in given.items():
        if key in checked:
            values[key] = checked[key].check(value, f"{source}: [{name}]")
        elif isinstance(value, (list, tuple)) and all(isinstance(word, str) for word in value):
            values[key] = tuple(value)
        else:
            raise UsageError(f"{source}: [{name}] {key} is a list of names, got {value!r}")
    return kind(**values)


def _known(owner: str, given: Mapping[str, Any], names: Sequence[str]) -> None:
    for key in given:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1) or names
            raise UsageError(f"{owner} has no {key!r}; perhaps you mean {', '.join(near)}")


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
