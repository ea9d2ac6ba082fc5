"""Which separators there are, by name, and what each is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from unweave import joining
from unweave.errors import UsageError
from unweave.models import cards
from unweave.models.cards import Card
from unweave.options import SEED, Option
from unweave.presets import Preset
from unweave.registry.kinds import Kind, Part, composed, expressions, trained
from unweave.registry.kinds import techniques as classical
from unweave.registry.kinds.techniques import Technique

DEFAULT = "spleeter-2stems"
# The first that knows a name has it.
KINDS: tuple[Kind, ...] = (expressions, composed, trained, classical)


def names() -> list[str]:
    """All names, sorted."""
    return sorted({name for kind in KINDS for name in kind.names()})


def installed(name: str) -> bool:
    """Whether a name is one of `names`, or made of such: no path is in it."""
    return set(joining.models(name)) <= set(names())


def techniques() -> list[str]:
    """The names of the classical techniques, those of plug-ins among them, sorted."""
    return classical.names()


def origin(name: str) -> str:
    """The distribution that a separator comes from."""
    return kind_of(name).origin(name)


def describe(name: str) -> Card | Technique | Preset:
    """The facts about a separator, without its weights. Raises UsageError for an unknown name."""
    found = kind_of(name).describe(name)
    assert isinstance(found, (Card, Technique, Preset))
    return found


def declared(name: str) -> tuple[Option, ...]:
    """The options that `load` takes for a separator, without its weights.

    Raises UsageError for an unknown name.
    """
    return kind_of(name).declared(name)


def trained_on(name: str) -> frozenset[str]:
    """Splits of datasets that a model or its members learned from, such as `musdb18:train`.

    Raises UsageError for an unknown name.
    """
    found = describe(name)
    own = found.trained_on if isinstance(found, Card) else ()
    return frozenset(own).union(*(trained_on(part.name) for part in parts(name)))


def parts(name: str, values: Mapping[str, object] | None = None) -> tuple[Part, ...]:
    """What a preset or a bag of models is made of; nothing for any other name.

    values: the options of the whole. Raises UsageError for an unknown name, and for what is a part
    of itself.
    """
    found = kind_of(name).parts(name, values or {}, declared)
    _check_finite(kind_of(name).place(name), found, ())
    return found


def _check_finite(name: str, parts: Iterable[Part], within: tuple[str, ...]) -> None:
    within = (*within, name)
    for part in parts:
        if part.name in within:
            names = " -> ".join((*within, part.name))
            raise UsageError(f"{label(name)}: {names} is a cycle")
        try:
            inner = kind_of(part.name).parts(part.name, {}, declared)
        except UsageError as error:
            raise UsageError(f"{label(name)}: {error}") from error
        _check_finite(part.name, inner, within)


def label(name: str) -> str:
    """What to call a preset or a bag in an error: its file, where that is known."""
    if kind_of(name) is expressions:
        return name
    described = describe(name)
    if isinstance(described, Preset):
        return str(described.path)
    return described.place if isinstance(described, Card) else name


def takes_chance(name: str) -> bool:
    """Whether a separator, or a part of it, takes a seed."""
    inner = any(takes_chance(part.name) for part in parts(name))
    return inner or any(item.name == SEED.name for item in declared(name))


def kind_of(name: str) -> Kind:
    """The kind of a separator. Raises UsageError for an unknown name."""
    for kind in KINDS:
        if kind.known(name):
            return kind
    raise UsageError(cards.unknown(name, names()))
