"""Classical techniques: the files of `separators/`, and the classes of plug-ins."""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from unweave import plugins, separators
from unweave.engine.limits import enough_memory, room_for_torch
from unweave.errors import UnweaveError, UsageError
from unweave.models import cards
from unweave.options import WIENER, Classical, Option, name_of, options_of
from unweave.registry.kinds import Declared, Part, filtered
from unweave.types import Separator

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique:
    """The facts about a classical technique."""

    name: str
    title: str
    doc: str  # the file's docstring, for the documentation
    stems: tuple[str, ...]
    paper: str
    licence: str


def names() -> list[str]:
    return sorted({*_own(), *plugins.found(plugins.SEPARATORS)} - set(cards.names()))


def known(name: str) -> bool:
    return name in _own() or name in plugins.found(plugins.SEPARATORS)


def place(name: str) -> str:
    return name


def origin(name: str) -> str:
    if name in _own():
        return "unweave"
    return plugins.origin(plugins.found(plugins.SEPARATORS)[name])


code = origin


def describe(name: str) -> Technique:
    kind = technique(name)
    doc = sys.modules[kind.__module__].__doc__ or ""
    spec = make(name, {}).spec
    return Technique(
        name=name,
        title=doc.partition("\n")[0].strip(),
        doc=doc,
        stems=spec.stems,
        paper=spec.paper,
        licence=spec.licence,
    )


def declared(name: str) -> tuple[Option, ...]:
    return (*options_of(technique(name)), WIENER)


def revision(name: str) -> int:
    return int(getattr(sys.modules[technique(name).__module__], "REVISION", 1))


def card_sha256(name: str) -> None:
    return None


def card(name: str) -> None:
    return None


def parts(name: str, values: Mapping[str, object], declared: Declared) -> tuple[Part, ...]:
    return ()


def make(name: str, values: Mapping[str, Any], parts: Sequence[AnySeparator] = ()) -> AnySeparator:
    own = {key: value for key, value in values.items() if key != WIENER.name}
    kind = technique(name)
    try:
        separator: Separator = kind(**own)
        separator.spec  # noqa: B018 (a mistake in its facts shows here)
    except UnweaveError:
        raise
    except Exception as error:  # whatever somebody else's code does
        raise UsageError(
            f"{name}: its class {kind.__module__}.{kind.__qualname__} gives no separator "
            f"({type(error).__name__}: {error}); see docs/new-technique.md"
        ) from error
    return filtered(separator, values.get(WIENER.name, 0))


def technique(name: str) -> type[Any]:
    """The class of a classical technique. Raises UsageError, MemoryLimitError."""
    if name in _own():
        with enough_memory():
            room_for_torch()  # before the first of them loads it
            module = import_module(f"{separators.__name__}.{name.replace('-', '_')}")
        where, found = f"TECHNIQUE of {module.__name__}", getattr(module, "TECHNIQUE", None)
    else:
        point = plugins.found(plugins.SEPARATORS)[name]
        where = f"{point.value} of the plug-in {plugins.origin(point)}"
        found = plugins.loaded(point)
    if not (isinstance(found, type) and is_dataclass(found) and issubclass(found, Classical)):
        raise UsageError(
            f"{name}: {where} is no class of a technique, a dataclass that derives from Classical; "
            "see docs/new-technique.md"
        )
    kind: type[Any] = found
    return kind if name_of(kind) == name else _named(kind, name)  # type: ignore[arg-type]


@cache
def _named(technique: type[Any], name: str) -> type[Any]:
    """The same class under the name of its entry, as several of a package may lie in one file."""
    facts = {"__module__": technique.__module__, "__doc__": technique.__doc__, "_entry": name}
    return type(technique.__name__, (technique,), facts)


@cache
def _own() -> frozenset[str]:
    return frozenset(
        module.name.replace("_", "-")
        for module in pkgutil.iter_modules(separators.__path__)
        if not module.name.startswith("_")
    )
