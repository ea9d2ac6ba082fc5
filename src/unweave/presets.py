"""Presets: separators made of separators, a TOML file each, under a name like any other.

    version = 1
    title = "Vocals, and what is left as harmonic and percussive sound"
    stems = ["vocals", "harmonic", "percussive"]

    [use.chain]
    first = "spleeter-2stems"
    stem = "accompaniment"
    then = { separator = "hpss", options = { kernel_s = 0.3 } }

`use` is a part: the name of a separator, a table `separator` with `options`, or a table that is
called as an adapter, a file of `engine/adapters`, and holds the adapter's fields. A field that is a
separator is a part again. The file's name is the preset's name. Presets lie in the folders that
packages name in the entry-point group `unweave.presets`; a path to a file elsewhere is a name too.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import unweave
from unweave import plugins
from unweave.core.files import content
from unweave.core.stem_names import RESIDUAL
from unweave.core.typed import typed
from unweave.errors import UsageError

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator

OWN = EntryPoint("unweave", "unweave.models.presets", plugins.PRESETS)
ADAPTERS = "unweave.engine.adapters"
# Fields of adapters that are separators.
PARTS = ("separator", "reference", "first", "then", "members")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A separator by its name, with options of its own."""

    separator: str
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An adapter and its fields; those that are separators are parts."""

    adapter: str
    fields: Mapping[str, Any]


Part = Member | Made


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What a file says, or a name that is made of names, which has none.

    stems: in the order of the separator that it makes. notes: what else a user should know.
    """

    version: Literal[1]
    name: str
    title: str
    stems: tuple[str, ...]
    use: Part
    path: Path | None
    origin: str = "unweave"  # the package that brought it; empty: a file at a path
    notes: str = ""

    def members(self) -> Iterator[Member]:
        """Every separator that is named, from the first to the last in the file."""
        return _members(self.use)


def names() -> list[str]:
    """The name of every installed preset, sorted."""
    return sorted(_installed())


def known(name: str) -> bool:
    """Whether there is a preset called so, or lying there."""
    if not name.endswith(plugins.ENDING):
        return name in _installed()
    try:
        return "use" in tomllib.loads(content(Path(name)).decode())
    except (OSError, ValueError, RecursionError):
        return False  # no preset: what it is, whoever reads it as something else says


def preset(name: str) -> Preset:
    """The preset called `name`, or at that path. Raises UsageError for one that is wrong."""
    if name.endswith(plugins.ENDING):
        return _preset(Path(name), "")
    found = _installed()[name]
    return _preset(found.path, found.origin)


def sha256(name: str) -> str:
    """The hash of a preset's file. Raises UsageError when it cannot be read."""
    path = preset(name).path
    assert path is not None
    with plugins.reading(path, "preset"):
        return hashlib.sha256(content(path)).hexdigest()


def build(found: Preset, members: Iterable[AnySeparator]) -> AnySeparator:
    """The separator that a preset makes of its members, which are in the order of `members`.

    Raises UsageError, with the preset's place, where they do not fit together.
    """
    from unweave.engine.adapters.named import Named

    try:
        made = Named(_build(found.use, iter(members)), found.name)
    except UsageError as error:
        raise UsageError(f"{found.path}: {error}") from error
    if RESIDUAL in found.stems:
        raise UsageError(f"{found.path}: no stem is called {RESIDUAL!r}: that is what stems leave")
    if made.spec.stems != found.stems:
        raise UsageError(
            f"{found.path}: stems are {', '.join(found.stems)}; it makes "
            f"{', '.join(made.spec.stems)}"
        )
    return made


@cache
def adapters() -> tuple[str, ...]:
    """What a preset may be made of: the files of `engine/adapters`, sorted."""
    folder = Path(unweave.__path__[0], "engine", "adapters")
    return tuple(sorted(file.stem for file in folder.glob("[!_]*.py") if file.stem != "named"))


@cache
def _installed() -> dict[str, plugins.Place]:
    return plugins.files(plugins.PRESETS, OWN)


def _preset(path: Path, origin: str) -> Preset:
    with plugins.reading(path, "preset"):
        facts = tomllib.loads(content(path).decode())
        for key in ("name", "path", "origin"):  # where the preset lies says these
            if key in facts:
                raise ValueError(f"a preset cannot set {key}; leave it out")
        use = _part("use", facts.pop("use", None))
        return typed(
            Preset, {**facts, "name": path.stem, "use": use, "path": path, "origin": origin}
        )


def _part(where: str, value: object) -> Part:
    """Raises ValueError for what is no part."""
    if isinstance(value, str):
        return Member(separator=value)
    if not isinstance(value, dict):
        raise ValueError(f"{where} must be a name or a table; got {value!r:.80}")
    if "separator" in value:
        return typed(Member, value)
    if len(value) != 1 or next(iter(value)) not in adapters():
        raise ValueError(
            f"{where} must hold 'separator', or one of {', '.join(adapters())}; "
            f"got {', '.join(value) or 'nothing'}"
        )
    [(adapter, fields)] = value.items()
    if not isinstance(fields, dict):
        raise ValueError(f"{where}.{adapter} must be a table; got {fields!r:.80}")
    found: dict[str, Any] = {}
    for key, item in fields.items():
        place = f"{where}.{adapter}.{key}"
        if key not in PARTS:
            found[key] = item
        elif isinstance(item, list):
            found[key] = tuple(_part(f"{place}[{n}]", each) for n, each in enumerate(item))
        else:
            found[key] = _part(place, item)
    return Made(adapter=adapter, fields=found)


def _members(part: Part) -> Iterator[Member]:
    if isinstance(part, Member):
        yield part
        return
    for key in PARTS:
        value = part.fields.get(key, ())
        for each in value if isinstance(value, tuple) else (value,):
            yield from _members(each)


def _build(part: Part, members: Iterator[AnySeparator]) -> Any:
    if isinstance(part, Member):
        return next(members)
    module = import_module(f"{ADAPTERS}.{part.adapter}")
    adapter = getattr(module, part.adapter.title().replace("_", ""))
    fields = dict(part.fields)
    for key in filter(fields.__contains__, PARTS):
        value = fields[key]
        many = isinstance(value, tuple)
        fields[key] = tuple(_build(e, members) for e in value) if many else _build(value, members)
    try:
        return _adapted(adapter, fields)
    except ValueError as error:
        raise UsageError(f"{part.adapter}: {error}") from error


def _adapted(adapter: type[Any], fields: Mapping[str, Any]) -> Any:
    """The adapter. One that is called with segments lies inside of what sets the level of tracks.

    Raises ValueError.
    """
    from unweave.engine.adapters.track_normalised import around

    key = "members" if "members" in fields else "separator"
    if hasattr(adapter, "separate") or key not in fields:
        return typed(adapter, fields)
    many = isinstance(fields[key], tuple)

    def make(*inner: Any) -> Any:
        return typed(adapter, {**fields, key: inner if many else inner[0]})

    return around(make, *(fields[key] if many else (fields[key],)))
