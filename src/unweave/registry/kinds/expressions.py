"""Ensembles and chains that people name as they go: `a+b`, `a>vocals>b` (`joining`).

The options of an ensemble are `Joining`'s; those of a chain are those of what it begins with. A
seed is for every part that takes one. Other options of parts are a preset's matter.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unweave import joining, plugins, presets
from unweave.errors import UsageError
from unweave.joining import Joining
from unweave.models import cards
from unweave.options import SEED, Option, options_of
from unweave.presets import Made, Member, Preset
from unweave.registry.kinds import Declared, Part

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator


def names() -> list[str]:
    """None: there are as many as people write."""
    return []


def known(name: str) -> bool:
    """Whether it is made of names, which may be wrong; no file or model is called so itself."""
    return (
        joining.is_made_of_names(name)
        and not os.path.exists(name)
        and name not in {*cards.names(), *presets.names()}
    )


def place(name: str) -> str:
    return joining.with_parts(name, plugins.place)


def origin(name: str) -> str:
    return ""


def describe(name: str) -> Preset:
    """As of a preset without a file."""
    from unweave.registry.making import make as made

    return Preset(
        version=1,
        name=name,
        title=_title(name),
        stems=made(name, {}).spec.stems,
        use=_use(name),
        path=None,
        origin="",
        notes="; ".join(_notes(name)),
    )


def declared(name: str) -> tuple[Option, ...]:
    from unweave.registry.lookup import declared as of

    own = options_of(Joining) if joining.is_ensemble(name) else ()
    every = [item.name for model in joining.models(name) for item in of(model)]
    return (*own, SEED) if SEED.name in every else own


def code(name: str) -> str:
    return "unweave"  # its parts have their own


def revision(name: str) -> int:
    return 1


def card_sha256(name: str) -> None:
    return None


def card(name: str) -> None:
    return None


def parts(name: str, values: Mapping[str, object], declared: Declared) -> tuple[Part, ...]:
    found = []
    for n, part in enumerate(_parts(name)):
        of_part = declared(part)
        given = {item.name: values[item.name] for item in of_part if item.name in values}
        if n or not joining.is_chain(name):
            given = {key: value for key, value in given.items() if key == SEED.name}
        found.append(Part(name=part, options=given))
    return tuple(found)


def make(name: str, values: Mapping[str, Any], parts: Sequence[AnySeparator]) -> AnySeparator:
    from unweave.engine.adapters.chain import Chain
    from unweave.engine.adapters.ensemble import Ensemble
    from unweave.engine.matching import alike, in_chain

    options = {item.name: values.get(item.name, item.default) for item in declared(name)}
    specs = [part.spec.name for part in parts]
    if joining.is_chain(name):
        _, stem, _ = joining.step(name)
        first, stem, then = in_chain(parts[0], stem, parts[1])
        return Chain(first, stem, then, joining.ON.join((specs[0], stem, specs[1])), options)
    called = joining.ALL.join(specs)
    try:
        members = alike(parts)
    except UsageError as error:
        raise UsageError(f"{called}: {error}") from error
    weights = joining.weights_of(values.get("ensemble_weights"))
    return Ensemble(members, options["ensemble"], weights, name=called, options=options)


def _parts(name: str) -> list[str]:
    """What it is made of; chains and ensembles are parts of longer chains."""
    if not joining.is_chain(name):
        return joining.members(name)
    first, _, then = joining.step(name)
    return [first, then]


def _use(name: str) -> presets.Part:
    """The same as a preset says it, whose options are the defaults."""
    if not known(name):
        return Member(separator=name)
    if not joining.is_chain(name):
        return Made(adapter="ensemble", fields={"members": tuple(map(_use, _parts(name)))})
    first, stem, then = joining.step(name)
    return Made(adapter="chain", fields={"first": _use(first), "stem": stem, "then": _use(then)})


def _title(name: str) -> str:
    if not joining.is_chain(name):
        *most, last = joining.members(name)
        return f"Ensemble of {', '.join(most)} and {last}"
    first, stem, then = joining.step(name)
    return f"{_title(first) if known(first) else first}, {stem} separated further by {then}"


def _notes(name: str) -> list[str]:
    """What of its stems the names of its parts do not say."""
    from unweave.engine.matching import in_chain, in_words
    from unweave.registry.making import make as made

    parts = [made(part, {}) for part in _parts(name)]
    inner = [note for part in _parts(name) if known(part) for note in _notes(part)]
    if not joining.is_chain(name):
        return [*inner, *in_words([part.spec for part in parts])]
    _, _, then = in_chain(parts[0], joining.step(name)[1], parts[1])
    pairs = zip(parts[1].spec.stems, then.spec.stems, strict=True)
    return [
        *inner,
        *(f"{now} is {own} of {parts[1].spec.name}" for own, now in pairs if own != now),
    ]
