"""A separator's options as people give them: paths where a technique wants sound.

`resolve` turns the path of a recording into its sound where a technique asks for sound (the noise
to subtract, say), and `settle` says what the report will hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from unweave.core.errors import InputError
from unweave.io.files import shown

if TYPE_CHECKING:
    from unweave.core.types import Audio, Separator


def load(model: str, options: Mapping[str, object]) -> Separator:
    """The separator called `model`, options as given. Raises as `catalog.load` and `resolve` do."""
    from unweave import catalog

    return catalog.load(model, **resolve(model, options))


def resolve(model: str, options: Mapping[str, object]) -> dict[str, object]:
    """Options with the sound of recordings in place of their paths. Raises InputError."""
    from unweave import catalog
    from unweave.core.types import Audio

    facts = catalog.describe(model)
    if not options or not isinstance(facts, catalog.Technique):
        return dict(options)
    takes_sound = {item.name for item in facts.parameters if Audio in item.types}
    return {
        name: decoded(Path(value))[0] if name in takes_sound and isinstance(value, str) else value
        for name, value in options.items()
    }


def settle(
    model: str, options: Mapping[str, object], seed: int = 0
) -> tuple[dict[str, object], tuple[str, ...]]:
    """The options that a report of this run will hold, and the stems that they lead to.

    Of a technique's options these are the ones that are not defaults. seed: for a technique that
    takes one and is not given another. Raises UsageError for a model, or an option of a technique,
    that is unknown or may not be so, InputError for a recording.
    """
    from unweave import catalog

    facts = catalog.describe(model)
    if not isinstance(facts, catalog.Technique):
        return dict(options), facts.stems
    if seed and any(item.name == "seed" for item in facts.parameters):
        options = {"seed": seed, **options}
    spec = load(model, options).spec
    return dict(spec.options), spec.stems


def decoded(path: Path) -> tuple[Audio, tuple[str, ...]]:
    """The whole of a recording in memory, and the names of its speakers. Raises InputError."""
    import numpy as np

    from unweave.core.types import Audio
    from unweave.io.reader import Reader

    with Reader(path) as reader:
        info = reader.info
        blocks = list(reader.blocks(info.sample_rate_hz))
    if not blocks:
        raise InputError(f"{shown(path)}: holds no sound")
    audio = Audio(np.concatenate(blocks, axis=-1), info.sample_rate_hz, str(path))
    return audio, info.channel_names
