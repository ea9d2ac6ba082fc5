"""Voices brought forward: what a separator makes of a recording is the guide of a mask, no more.

The separator's own sound, which a network may make up, goes nowhere: it decides point by point how
much of the recording is kept (see `masks`). Any technique, model and preset serves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unweave import registry
from unweave.apps.forensic import masks
from unweave.apps.forensic.finding import finite
from unweave.audio.reader import Reader
from unweave.audio.writer import Writer, encoding
from unweave.core.stem_names import VOCALS, canonical
from unweave.engine.executor import shared
from unweave.errors import UsageError
from unweave.request import Execution, Inference, Output, SeparationRequest

if TYPE_CHECKING:
    from unweave.types import OnProgress, ShouldStop

DEFAULT = "spectral-subtraction"
NONE = "none"
VOICES = (VOCALS, "speech", "signal")  # stems that a voice is in, by their customary names
VOICE, REST = "voice.wav", "rest.wav"


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique:
    """A separator, the stem of it that guides, and what it is called in the case."""

    name: str
    stem: str
    request: SeparationRequest

    def parameters(self) -> dict[str, Any]:
        """As plain data: all that decides the two files."""
        return {
            "technique": self.name,
            "stem": self.stem,
            "request": self.request.as_json(),
            "mask": {
                "revision": masks.REVISION,
                "window": "sqrt-hann",
                "window_s": masks.WINDOW_S,
                "overlap": masks.OVERLAP,
            },
        }

    def identity(self) -> Any:
        """What of it is meant to change a byte."""
        return {**self.parameters(), "request": self.request.identity()}


def techniques(
    words: Sequence[str], seed: int, inference: Inference, execution: Execution
) -> list[Technique]:
    """What is asked for, as NAME or NAME:STEM. Raises UsageError, one line."""
    if NONE in words:
        if len(set(words)) > 1:
            raise UsageError(f"--technique {NONE} goes without others")
        return []
    found = []
    for word in dict.fromkeys(words or (DEFAULT,)):
        name, colon, stem = word.rpartition(":") if _has_stem(word) else (word, "", "")
        whole = registry.request(name, seed=seed, inference=inference, execution=execution)
        stem = stem if colon else _voice(whole.stems, name)
        request = registry.request(
            name,
            stems=stem,
            seed=seed,
            output=Output(format="wav", bit_depth=32),
            inference=inference,
            execution=execution,
        )
        found.append(Technique(name=name, stem=request.stems[0], request=request))
    return found


def from_parameters(said: Mapping[str, Any], execution: Mapping[str, Any]) -> Technique:
    """The technique that `parameters` wrote, to be run as `execution` says it was."""
    request = SeparationRequest.from_json(
        {**said["request"], "execution": {**said["request"]["execution"], **execution}}
    )
    return Technique(name=said["technique"], stem=said["stem"], request=request)


def make(
    technique: Technique,
    copy: Path,
    into: Path,
    *,
    on_progress: OnProgress,
    on_block: Callable[[int], None],
    should_stop: ShouldStop,
) -> dict[str, Any]:
    """Write the voice and the rest of a recording into the folder `into`; what there is to say.

    on_progress: of the separation; on_block: gets the samples of each block of the masks. Raises
    as the engine does.
    """
    from unweave.engine.run import separate_file

    request = technique.request
    guide, report = into / "guide.wav", into / "guide.json"
    said: Any = separate_file(
        copy,
        {technique.stem: guide},
        report,
        partial(registry.load_pinned, request.separator),
        request,
        on_progress=on_progress,
        should_stop=should_stop,
        executor=shared(),
    )
    kept, lost = _masked(copy, guide, into, on_block)
    guide.unlink()
    report.unlink()
    execution = {name: said["execution"][name] for name in ("device", "batch")}
    share_db = 10 * np.log10(kept / (kept + lost)) if kept else None
    return {
        "execution": execution,
        "kept_db": None if share_db is None else round(float(share_db), 2),
        "warnings": said["warnings"],
    }


def _masked(
    copy: Path, guide: Path, into: Path, on_block: Callable[[int], None]
) -> tuple[float, float]:
    """Write the recording under both masks; the energy of each."""
    with Reader(copy) as recording, Reader(guide) as led:
        info = recording.info
        rate_hz, channels = info.sample_rate_hz, info.channels
        target = encoding("wav", 32, rate_hz, channels)
        energy = [0.0, 0.0]
        with (
            Writer(into / VOICE, target, rate_hz, channels) as voice,
            Writer(into / REST, target, rate_hz, channels) as rest,
        ):
            pairs = masks.apply(
                finite(recording.blocks(rate_hz)), finite(led.blocks(rate_hz)), rate_hz
            )
            for blocks in pairs:
                for n, (writer, block) in enumerate(zip((voice, rest), blocks, strict=True)):
                    writer.write(block)
                    energy[n] += float(np.sum(block.astype(np.float64) ** 2))
                on_block(blocks[0].shape[1])
    return energy[0], energy[1]


def _has_stem(word: str) -> bool:
    """Whether a word ends in a stem, rather than in the path of a card or preset."""
    return bool(re.search(r"[^\\/]:[^\\/:]+$", word)) and not Path(word).exists()


def _voice(stems: Sequence[str], name: str) -> str:
    for wanted in VOICES:
        for stem in stems:
            if canonical(stem) == wanted:
                return stem
    raise UsageError(
        f"--technique {name} has no stem of a voice, it has {', '.join(stems)}; say which with "
        f"{name}:STEM"
    )
