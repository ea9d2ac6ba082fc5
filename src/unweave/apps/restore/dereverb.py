"""Reverberation is taken away by a model, where one is installed whose stem is the dry sound.

unweave has none of its own. Any separator serves that has a stem of one of the names in DRY: a
plug-in, or weights of the de-reverb models for MDX-Net or the RoFormers that a card describes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unweave import registry
from unweave.apps.restore.chain import Source
from unweave.audio.info import SourceInfo
from unweave.audio.reader import Reader
from unweave.audio.writer import Writer, encoding
from unweave.core.stem_names import canonical
from unweave.errors import UnweaveError, UsageError
from unweave.registry.facts import here
from unweave.signal.blocks import in_step
from unweave.types import Wave

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator

DRY = ("dry", "noreverb", "no reverb", "no_reverb", "no-reverb", "dereverb")
ADVICE = (
    "no model that takes reverberation away is installed: add one whose stems include "
    f"{', '.join(DRY[:2])} or the like (docs/restore.md says how), or leave out dereverb"
)


def dry_stem(stems: tuple[str, ...]) -> str | None:
    """The stem that is the sound without its reverberation."""
    return next((stem for stem in stems if canonical(stem) in map(canonical, DRY)), None)


def chosen(model: str | AnySeparator | None) -> tuple[str | AnySeparator, str]:
    """The model that takes reverberation away, and its stem. None: the first that is here.

    Raises UsageError where there is none, or where `model` has no such stem.
    """
    if model is not None:
        stems = registry.describe(model).stems if isinstance(model, str) else model.spec.stems
        stem = dry_stem(tuple(stems))
        if stem is None:
            name = model if isinstance(model, str) else model.spec.name
            raise UsageError(
                f"{name} has no stem without reverberation; it has {', '.join(stems)}, and one of "
                f"{', '.join(DRY[:2])} is looked for"
            )
        return model, stem
    for name in registry.names():
        try:
            stem = dry_stem(tuple(registry.describe(name).stems))
            needs = registry.with_weights(name)
        except UnweaveError:  # a card that is wrong offers nothing
            continue
        if stem is not None and (not needs or here(name)):
            return name, stem
    raise UsageError(ADVICE)


def dried(
    source: Source,
    info: SourceInfo,
    scratch: Path,
    stem: str,
    separate: Callable[..., dict[str, Any]],
    strength: float,
) -> Source:
    """The sound of `source` and, by `strength` (0 to 1), less of its reverberation.

    separate: `unweave.separate_file` with the model and what watches over it. scratch: a folder for
    what it reads and writes.
    """
    scratch.mkdir()
    wet = scratch / "wet.wav"
    plain = encoding("wav", 32, info.sample_rate_hz, info.channels)
    with Writer(wet, plain, info.sample_rate_hz, info.channels, layout=info.layout) as writer:
        for block in source():
            writer.write(block)
    separate(
        wet,
        scratch / "dry",
        stems=[stem],
        filename_template="{stem}.{ext}",
        format="wav",
        bit_depth=32,
    )
    [dry] = (scratch / "dry").glob("*.wav")
    return partial(_mixed, wet, dry, info.sample_rate_hz, np.float32(strength))


def _mixed(wet: Path, dry: Path, rate_hz: int, share: np.float32) -> Any:
    with Reader(wet) as before, Reader(dry) as after:
        streams = [before.blocks(rate_hz), after.blocks(rate_hz)]
        for one, other in in_step(streams):
            mixed: Wave = one + share * (other - one)
            yield mixed
