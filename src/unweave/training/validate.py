"""The true score: whole tracks through the engine, as for a user, and then the metric.

MIR-1K's own figure is NSDR of the voice (BSS Eval v3 sources; SDR of the estimate less that of the
mix), averaged with the clips' lengths as weights. For other sets it is the SDR of BSS Eval v4 in
windows of a second: the median over windows, the mean over tracks and stems.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np
from torch import Tensor

from unweave.core.types import Wave
from unweave.datasets.track import MIR_1K, Track
from unweave.engine.run import separate_array
from unweave.metrics import bss_eval_v3_sources, bss_eval_v4
from unweave.pretrained.neural import NeuralSeparator
from unweave.training import export
from unweave.training.recipe import Recipe


def separator(recipe: Recipe, state: Mapping[str, Tensor]) -> NeuralSeparator:
    """What the weights will be for a user, float16 and all."""
    return NeuralSeparator(export.draft(recipe), {}, export.arrays(state))


def scores(
    recipe: Recipe, state: Mapping[str, Tensor], tracks: Sequence[Track]
) -> dict[str, float]:
    """The score in dB of each stem that counts, and of all together ("mean"); more is better."""
    ready = separator(recipe, state).to("cpu")
    rows = []
    for track in tracks:
        stems = separate_array(
            ready, track.mix(), track.sample_rate_hz, device="cpu", batch=1, warn=lambda _: None
        )
        rows.append(score(track, {stem: stems[stem] for stem in recipe.data.stems}))
    weights = [t.samples if t.protocol == MIR_1K else 1 for t in tracks]
    found = {
        stem: float(np.average([row[stem] for row in rows], weights=weights)) for stem in rows[0]
    }
    return {**found, "mean": fmean(found.values())}


def score(track: Track, estimates: Mapping[str, Wave]) -> dict[str, float]:
    """The scores of one track by stem."""
    names = list(estimates)
    references = np.stack([track.stem(name) for name in names])
    guesses = np.stack([estimates[name] for name in names])
    if track.protocol == MIR_1K and "vocals" in names:
        ours = bss_eval_v3_sources(references[:, 0], guesses[:, 0], permutation=False)
        mix = np.repeat(track.mix(), len(names), axis=0)
        before = bss_eval_v3_sources(references[:, 0], mix, permutation=False)
        voice = names.index("vocals")
        return {"vocals": float(ours.sdr[voice] - before.sdr[voice])}
    frames = bss_eval_v4(references, guesses, window=track.sample_rate_hz, hop=track.sample_rate_hz)
    medians = np.nanmedian(frames.sdr, axis=1)
    return {name: float(value) for name, value in zip(names, medians, strict=True)}
