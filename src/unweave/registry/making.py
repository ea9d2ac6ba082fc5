"""A separator put together from its parts, before its weights are read (`Described`)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.core.stem_names import RESIDUAL
from unweave.errors import UsageError
from unweave.models import cards
from unweave.models.cards import Card
from unweave.options import checked
from unweave.registry.kinds import Described
from unweave.registry.lookup import declared, kind_of, label, parts
from unweave.types import Audio

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator


def make(model: str, values: Mapping[str, Any]) -> AnySeparator:
    """The separator with all options in force, before weights are read (`Described`)."""
    kind = kind_of(model)
    members = kind.parts(model, values, declared)
    try:
        made = [make(part.name, with_sound(part.name, part.options)) for part in members]
    except UsageError as error:
        raise UsageError(f"{label(model)}: {error}") from error
    return kind.make(model, values, made)


def with_sound(model: str, options: Mapping[str, object]) -> dict[str, Any]:
    """Checked options, with the sound of recordings in place of their paths.

    Names and values are checked before a recording is read. Raises UsageError, InputError.
    """
    known = declared(model)
    takes_sound = {item.name for item in known if Audio in item.types}
    paths = {
        name: Path(value)
        for name, value in options.items()
        if name in takes_sound and isinstance(value, (str, os.PathLike))
    }
    others = {name: value for name, value in options.items() if name not in paths}
    values = checked(known, others, model)
    if paths:
        from unweave.audio.reader import decoded

        values |= {name: decoded(path)[0] for name, path in paths.items()}
    return values


def with_weights(name: str, stems: Iterable[str] = ()) -> list[Card]:
    """The cards whose weights a separator or an estimator needs, for `stems` alone where they are
    named. The residual needs all of them.

    Raises UsageError for an unknown name, and for a stem that it does not have.
    """
    if name in cards.estimators():
        return [cards.card(name)]
    needed = tuple(stems)
    if needed and RESIDUAL not in needed:
        from unweave.engine.loading import deferred

        found = [
            each.card for each in deferred(make(name, {}), needed) if isinstance(each, Described)
        ]
    else:
        own = kind_of(name).card(name)
        found = [own] if own is not None else []
        found += [card for part in parts(name) for card in with_weights(part.name)]
    return list({card.place: card for card in found}.values())
