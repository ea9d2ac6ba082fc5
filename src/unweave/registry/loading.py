"""Separators with their weights, and whether they are those that a request names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.core.files import hashed, shown
from unweave.engine.limits import enough_memory, room_for_torch
from unweave.errors import InputError
from unweave.models import store
from unweave.options import build
from unweave.presets import Preset
from unweave.registry.kinds import techniques as classical
from unweave.registry.lookup import DEFAULT, describe, kind_of, parts
from unweave.registry.making import make, with_sound, with_weights
from unweave.request import OptionFile, SeparatorRef
from unweave.types import Audio

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator


def load(name: str = DEFAULT, /, **given: object) -> AnySeparator:
    """The separator called `name`, with its weights; `to(device)` makes it ready to run.

    given: its own options, and `wiener`, the rounds of a multichannel Wiener filter, for all but
    presets, which have none. The path of a recording stands for its sound. Raises UsageError for
    an unknown name, option or value before weights or recordings are read, WeightsError where
    weights are missing, InputError for a recording that cannot be read, MemoryLimitError.
    """
    from unweave.engine.loading import complete

    with _loading(name, given) as made:
        return complete(made)


def load_pinned(separator: SeparatorRef, sound: Mapping[str, Audio] | None = None) -> AnySeparator:
    """The separator that a request names, of the weights and files that it names.

    The weights themselves are not read yet: the engine reads those that it needs
    (`engine.loading`). sound: of options whose sound is in memory, by name. Raises as `load` does,
    and InputError where something changed meanwhile.
    """
    name = separator.model or separator.name
    with _loading(name, {**separator.options, **(sound or {})}) as made:
        check(separator, name, made)
    return made


@contextmanager
def _loading(name: str, given: Mapping[str, object]) -> Iterator[AnySeparator]:
    """The separator before its weights are read, while they are."""
    with enough_memory():
        room_for_torch()
        values = with_sound(name, given)
        parts(name, values)
        yield make(name, values)


def technique(name: str, given: Mapping[str, object]) -> Any:
    """A classical technique itself, for what it can do besides separating: no filter behind it.

    Raises UsageError for an unknown name, option or value.
    """
    kind_of(name)
    return build(classical.technique(name), given)


def check(separator: SeparatorRef, model: str, loaded: AnySeparator) -> None:
    """Raises InputError where what was loaded as `model` is not what `separator` says."""
    weights_sha256 = loaded.spec.weights_sha256
    _check_hashes(separator, model)
    if weights_sha256 != separator.weights_sha256:
        raise InputError(f"{shown(model)}: the weights changed meanwhile; run it again")
    for file in all_files(separator):
        if hashed(Path(file.path)) != file.sha256:
            raise InputError(f"{shown(file.path)}: changed meanwhile; run it again")


def _check_hashes(separator: SeparatorRef, model: str) -> None:
    """Raises InputError where a card or a preset is not the one that `separator` names."""
    if kind_of(model).card_sha256(model) != separator.card_sha256:
        raise InputError(f"{shown(model)}: changed meanwhile; run it again")
    for member in separator.members:
        _check_hashes(member, member.model or member.name)


def files_read(separator: SeparatorRef) -> dict[Path, str]:
    """The files that the work reads besides the recording, and what each is, for errors."""
    found: dict[Path, str] = {}
    for file in all_files(separator):
        path, what = Path(file.path), f"the file of the option {file.option}"
        # Dictionaries are a card with weights beside it.
        found |= {path: what, path.with_suffix(".safetensors"): what}
    if separator.model is None:
        return found
    what = f"a file of the model {shown(separator.model)}"
    described = describe(separator.model)
    if isinstance(described, Preset) and described.path is not None:
        found[described.path] = what
    for card in with_weights(separator.model):
        found |= dict.fromkeys([*store.files(card), *filter(None, [card.path])], what)
    for member in separator.members:
        found |= files_read(member)
    return found


def all_files(separator: SeparatorRef) -> Iterator[OptionFile]:
    """The files that its options name, and those of its members."""
    yield from separator.files
    for member in separator.members:
        yield from all_files(member)
