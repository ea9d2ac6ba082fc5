"""A separator's options as people give them: paths where a technique wants sound.

`resolve` turns the path of a recording into its sound where a technique asks for sound (the noise
to subtract, say), and `settle` says what the report will hold.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from unweave.core.errors import InputError
from unweave.core.parameters import LARGEST_SEED, Parameter
from unweave.core.region import WHOLE, Region
from unweave.io.files import shown

if TYPE_CHECKING:
    from unweave.core.types import Audio, Separator

SEED = Parameter(
    name="seed",
    types=(int,),
    default=0,
    meaning="for separators that use chance",
    at_least=0,
    at_most=LARGEST_SEED,
)


def load(model: str, options: Mapping[str, object]) -> Separator:
    """The separator called `model`, options as given.

    Raises as `catalog.load` and `resolve` do, and MemoryLimitError.
    """
    from unweave.engine.limits import enough_memory, room_for_torch

    with enough_memory():
        room_for_torch()
        from unweave import catalog

        return catalog.load(model, **resolve(model, options))


def resolve(model: str, options: Mapping[str, object]) -> dict[str, object]:
    """Options with the sound of recordings in place of their paths.

    Names and values are checked before a recording is read. Raises UsageError, InputError.
    """
    from unweave import catalog
    from unweave.core import parameters
    from unweave.core.types import Audio

    declared = catalog.options(model)
    takes_sound = {item.name for item in declared if Audio in item.types}
    paths = {
        name: Path(value)
        for name, value in options.items()
        if name in takes_sound and isinstance(value, (str, os.PathLike))
    }
    others = {name: value for name, value in options.items() if name not in paths}
    values = parameters.checked(declared, others, model)
    return {**values, **{name: decoded(path)[0] for name, path in paths.items()}}


def settle(
    model: str, options: Mapping[str, object], seed: int = 0
) -> tuple[dict[str, object], tuple[str, ...]]:
    """Every option in force, as a report holds them, and the names of what can be written.

    seed: for a separator that takes one and is not given another. Raises UsageError for a model,
    an option or a value that may not be so, InputError for a recording.
    """
    from unweave import catalog

    SEED.check(seed, model)
    if seed and any(item.name == SEED.name for item in catalog.options(model)):
        options = {SEED.name: seed, **options}
    return catalog.in_force(model, resolve(model, options))


def applied_seed(in_force: Mapping[str, object]) -> int:
    """The seed that a separator with these options uses; 0 where it uses no chance."""
    seed = in_force.get(SEED.name, SEED.default)
    assert isinstance(seed, int)
    return seed


def decoded(path: Path, region: Region = WHOLE) -> tuple[Audio, tuple[str, ...]]:
    """A recording in memory, or a part of it, and the names of its speakers. Raises InputError."""
    import numpy as np

    from unweave.core.types import Audio
    from unweave.io.reader import Reader

    with Reader(path) as reader:
        info = reader.info
        rate = info.sample_rate_hz
        blocks = list(region.cut(reader.blocks(rate), rate, shown(path)))
    if not blocks:
        raise InputError(f"{shown(path)}: holds no sound")
    audio = Audio(np.concatenate(blocks, axis=-1), info.sample_rate_hz, str(path))
    return audio, info.channel_names
