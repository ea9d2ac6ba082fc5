"""A recipe: all settings of a training in one TOML file; each table is a dataclass below.

Fields have a default, a line of meaning and limits in one place, as in `options.py`; lists
and tables of numbers are checked here. `--set optimiser.rate=1e-4` changes one value. The tables of
settings in `docs/training.md` are made from these fields (`scripts/recipe_settings.py`).
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from unweave import options
from unweave.core import toml
from unweave.core.files import advice, shown
from unweave.errors import UsageError
from unweave.options import LARGEST_SEED, option

RUN_FILES = ("recipe", "last", "best", "curve", "tensorboard", "not-a-number")
"""Names of a run's own files, without their endings; no recipe may have one of them."""


def names(default: tuple[str, ...], meaning: str) -> tuple[str, ...]:
    """A field that is a list of names."""
    found: tuple[str, ...] = field(default=default, metadata={"names": meaning})
    return found


@dataclass(frozen=True, kw_only=True)
class Data:
    """What examples are made of."""

    dataset: str = option("folder", "the dataset's name, as in `unweave dataset list`")
    root: str = option("", "folder of the dataset, relative to the working directory")
    split: str = option("", "split of the dataset; empty: all tracks")
    validation_split: str = option(
        "", "the validation split; empty: `validation_tracks` names the tracks"
    )
    validation_tracks: tuple[str, ...] = names(
        (), "beginnings of the names of validation tracks; these are not trained on"
    )
    balanced_groups: tuple[str, ...] = names(
        (), "groups of tracks, by the beginnings of their names, that are drawn equally often"
    )
    stems: tuple[str, ...] = names(
        ("vocals", "accompaniment"),
        "stems that the network gives, in this order; files of every track",
    )
    sample_rate_hz: int = option(44100, "of the tracks and of the network", at_least=1)
    channels: int = option(2, "of the network; tracks with one are repeated", at_least=1)
    seconds: float = option(4.0, "length of an example", above=0, at_most=3600)
    batch: int = option(4, "examples in one step, of all processes together", at_least=1)
    same_track_probability: float = option(
        0.5,
        "probability that the stems of an example come from one moment of one track, not from "
        "random tracks",
        at_least=0,
        at_most=1,
    )
    memory_mb: int = option(
        2000,
        "memory for decoded audio, shared by all workers; a worker keeps its audio if all tracks "
        "fit into its share",
        at_least=0,
    )
    workers: int = option(
        0, "number of processes that make examples; 0: the training's own process", at_least=0
    )


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Effects on each stem of an example by itself; 0 switches one off."""

    gain_db: float = option(3.0, "standard deviation of a stem's gain", at_least=0)
    polarity: float = option(
        0.5, "probability that the polarity of a stem is inverted", at_least=0, at_most=1
    )
    swap: float = option(0.5, "probability that left and right are swapped", at_least=0, at_most=1)
    shift: float = option(
        0.0, "probability that a stem of a random track is rotated in time: it starts anywhere and "
        "wraps around", at_least=0, at_most=1,
    )  # fmt: skip
    speed: float = option(
        0.0, "probability of resampling, which changes tempo and pitch", at_least=0, at_most=1
    )
    speed_by: float = option(
        0.15, "largest relative change of the speed, up or down", at_least=0, at_most=0.5
    )
    tempo: float = option(
        0.0, "probability of a change of tempo without one of pitch", at_least=0, at_most=1
    )
    tempo_by: float = option(0.12, "largest relative change of the tempo", at_least=0, at_most=0.5)
    formants: float = option(
        0.0, "probability of a shift of the formants without one of pitch", at_least=0, at_most=1
    )
    formants_by: float = option(
        0.15, "largest relative shift of the formants", at_least=0, at_most=0.5
    )
    eq: float = option(0.0, "probability of a smooth random equaliser", at_least=0, at_most=1)
    eq_db: float = option(
        4.0, "standard deviation of the equaliser's gains", at_least=0, at_most=20
    )
    reverb: float = option(0.0, "probability of reverberation", at_least=0, at_most=1)
    codec: float = option(0.0, "probability of MP3 encoding and decoding", at_least=0, at_most=1)
    drop: float = option(
        0.0, "probability that a stem is silent; one always remains", at_least=0, at_most=1
    )


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """The optimiser."""

    name: str = option("adamw", "optimiser", choices=("adamw", "adam", "sgd"))
    rate: float = option(1e-3, "maximum learning rate", above=0)
    weight_decay: float = option(1e-2, "weight decay of adamw", at_least=0)
    clip: float = option(5.0, "maximum norm of the gradient; 0: no limit", at_least=0)
    average: float = option(
        0.999, "decay of the exponential moving average of the weights", at_least=0, at_most=1
    )


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The length of the training, and of its parts."""

    steps: int = option(10000, "number of batches", at_least=1)
    warmup: int = option(200, "steps of rising learning rate at the start", at_least=0)
    decay: int = option(2000, "steps of falling learning rate at the end, a cosine", at_least=0)
    budget_minutes: float = option(60.0, "maximum duration of the training", above=0)
    validate_every: int = option(500, "steps between validations", at_least=1)
    patience: int = option(
        0, "validations without a better score that end the training; 0: no limit", at_least=0
    )
    save_every: int = option(100, "steps between checkpoints", at_least=1)
    start: str = option("", "safetensors file of the initial weights; empty: random")


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """Facts for the model card, and the segments of a separation."""

    title: str = option("", "title, one line; empty: the recipe's name")
    licence: str = option("", "licence of the weights")
    paper: str = option("", "publication of the technique")
    training_data: str = option("", "training data; empty: the dataset and its split")
    segment_s: float = option(8.0, "length of a segment", above=0)
    overlap_s: float = option(
        1.0, "cross-fade between segments; less than half a segment", at_least=0
    )
    padded: bool = option(False, "zero padding of segments beyond the recording's ends")
    bytes_per_sample: float = option(
        0.0, "working memory of a separation for each sample; 0: the network's default", at_least=0
    )


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A recipe. Raises UsageError, one line, for an invalid one."""

    name: str
    network: str  # the folder in models/
    settings: Mapping[str, Any] = field(default_factory=dict)  # the network's own
    loss: Mapping[str, float] = field(default_factory=lambda: {"wave_l1": 1.0})  # term: weight
    pit: bool = option(
        False, "permutation-invariant training: the order of the stems is free, as with speakers"
    )
    seed: int = option(
        0, "random seed of the weights and the examples", at_least=0, at_most=LARGEST_SEED
    )
    precision: str = option(
        "32", "numeric precision: `bf16-mixed` where the machine has it, `16-mixed` on GPUs",
        choices=("32", "bf16-mixed", "16-mixed"),
    )  # fmt: skip
    data: Data = field(default_factory=Data)
    augmentation: Augmentation = field(default_factory=Augmentation)
    optimiser: Optimiser = field(default_factory=Optimiser)
    schedule: Schedule = field(default_factory=Schedule)
    card: CardFacts = field(default_factory=CardFacts)

    def __post_init__(self) -> None:
        check_name(self.name, "the recipe")
        if not self.data.stems or len(set(self.data.stems)) < len(self.data.stems):
            raise UsageError(
                f"[data] stems must name each stem once; got {', '.join(self.data.stems) or 'none'}"
            )
        if 2 * self.card.overlap_s >= self.card.segment_s:
            raise UsageError(
                f"[card] overlap_s must be less than half of segment_s, {self.card.segment_s:g}; "
                f"got {self.card.overlap_s:g}"
            )

    @property
    def samples(self) -> int:
        """Length of an example."""
        return round(self.data.seconds * self.data.sample_rate_hz)


TABLES = {
    "data": Data,
    "augmentation": Augmentation,
    "optimiser": Optimiser,
    "schedule": Schedule,
    "card": CardFacts,
}


def check_name(name: object, owner: str) -> None:
    """Raises UsageError for what cannot name the files of a run, or names one of its own."""
    if (
        not isinstance(name, str)
        or not name.strip()
        or not name.isprintable()
        or name.startswith(".")
        or set(name) & set('/\\:*?"<>|')
        or len(name.encode()) > 200
    ):
        raise UsageError(
            f"{owner}: name must be the name of a file, without a folder, an ending or signs such "
            f"as quotes; got {name!r}"
        )
    if name.casefold() in RUN_FILES:
        raise UsageError(
            f"{owner}: {name!r} is the name of a run's own file; set name to another word"
        )


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
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{source}: is not TOML: {error}") from error
    for override in overrides:
        _set(facts, override)
    _known(source, facts, [f.name for f in fields(Recipe) if f.name != "settings"])
    network = facts.pop("network", None)
    if not isinstance(network, dict) or not isinstance(network.get("name"), str):
        raise UsageError(f"{source}: needs a table [network] with the name of a network")
    settings = {
        k: tuple(v) if isinstance(v, list) else v for k, v in network.items() if k != "name"
    }
    tables = {
        key: kind(**_checked(f"{source}: [{key}]", kind, facts.pop(key, {})))
        for key, kind in TABLES.items()
    }
    loss = _loss(source, facts.pop("loss", {}))
    given_name = facts.pop("name", name)
    check_name(given_name, source)
    if facts.get("precision") == 32:
        facts["precision"] = "32"  # as --set precision=32 and most people write it
    top = _checked(source, Recipe, facts)
    try:
        return Recipe(
            name=given_name, network=network["name"], settings=settings, loss=loss, **top, **tables
        )
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from error


def as_toml(recipe: Recipe) -> bytes:
    """The whole recipe with all its values, as `read` takes it."""
    tables = {key: getattr(recipe, key) for key in TABLES}
    return toml.dumps({
        **{key: getattr(recipe, key) for key in ("name", "seed", "pit", "precision")},
        "network": {"name": recipe.network, **recipe.settings},
        "loss": recipe.loss,
        **{key: {f.name: getattr(table, f.name) for f in fields(table)}
           for key, table in tables.items()},
    })  # fmt: skip


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


def _checked(owner: str, kind: type, given: Any) -> dict[str, Any]:
    """The values of a table as its dataclass takes them. Raises UsageError."""
    if not isinstance(given, dict):
        raise UsageError(f"{owner} is a table, got {given!r}")
    lists = [f.name for f in fields(kind) if "names" in f.metadata]
    checked = {item.name: item for item in options.options_of(kind)}
    _known(owner, given, [*checked, *lists])
    values = {}
    for key, value in given.items():
        if key in checked:
            values[key] = checked[key].check(value, owner)
        elif isinstance(value, (list, tuple)) and all(isinstance(word, str) for word in value):
            values[key] = tuple(value)
        else:
            raise UsageError(f"{owner} {key} is a list of names, got {value!r}")
    return values


def _loss(source: str, given: Any) -> Mapping[str, float]:
    """The terms with their weights; without any, a term that every network takes."""
    if not isinstance(given, dict) or not all(_number(weight) for weight in given.values()):
        raise UsageError(
            f"{source}: [loss] has a number for each term, at least 0, as in wave_l1 = 1.0"
        )
    if given and not any(given.values()):
        raise UsageError(f"{source}: [loss] has no term with a weight above 0")
    return given or {"wave_l1": 1.0}


def _known(owner: str, given: Mapping[str, Any], names: Sequence[str]) -> None:
    for key in given:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1) or names
            raise UsageError(f"{owner} has no {key!r}; perhaps you mean {', '.join(near)}")


def _number(value: object) -> bool:
    """Whether it may be a weight."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value) and value >= 0
