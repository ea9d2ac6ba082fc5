"""A separator's options as people give them: words on a command line, paths of recordings.

`parse` reads `key=value` words, `resolve` turns the path of a recording into its sound where a
technique asks for sound (the noise to subtract, say), and `settle` says what the report will hold.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from unweave.core.errors import InputError, UsageError
from unweave.io.files import shown

if TYPE_CHECKING:
    from unweave.core.types import Audio, Separator


def parse(pairs: Iterable[str]) -> dict[str, object]:
    """`["window_s=0.1", "rule=wiener"]` as values. Raises UsageError for what is no `key=value`."""
    options: dict[str, object] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set takes key=value, as in --set window_s=0.1; got {pair!r}")
        options[key.strip().replace("-", "_")] = _value(text.strip())
    return options


def _value(text: str) -> object:
    """Numbers and true or false as TOML writes them, `none`; anything else is a word."""
    if text.lower() == "none":
        return None
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return value if isinstance(value, (bool, int, float, str)) else text


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
