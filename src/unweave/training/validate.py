"""The true score: whole tracks through the engine, as for a user, and then the metric.

The metric is each track's own. Of MIR-1K it is NSDR of the voice (BSS Eval v3 sources; SDR of the
estimate less that of the mix); of other sets it is the SDR of BSS Eval v4 in windows of a second,
the median over windows. A stem's score is the mean over the tracks in which it sounds, each track
with the same weight, whatever its length and its metric; the score of all is the mean over stems.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np
from torch import Tensor

from unweave.core.files import shown
from unweave.datasets.track import MIR_1K, Track
from unweave.engine.run import separate_array
from unweave.errors import InputError
from unweave.evaluation.metrics import bss_eval_v3_sources, bss_eval_v4
from unweave.models.adapter import NeuralSeparator
from unweave.request import Execution
from unweave.training import export
from unweave.training.recipe import Recipe
from unweave.types import Wave


def separator(recipe: Recipe, state: Mapping[str, Tensor]) -> NeuralSeparator:
    """What the weights will be for a user, float16 and all."""
    return NeuralSeparator(export.draft(recipe), {}, export.arrays(state))


def silences(tracks: Sequence[Track], stems: Sequence[str]) -> list[str]:
    """What cannot be scored, a line for each stem. Raises InputError where nothing can be."""
    scorable = [_scorable(track, stems) for track in tracks]
    if not any(scorable):
        raise InputError(
            f"no stem of the validation tracks can be scored: {', '.join(stems)} are "
            "silent, or never sound together; choose others with data.validation_tracks"
        )
    found = []
    for stem in stems:
        asked = [n for n, track in enumerate(tracks) if stem in _scored(track, stems)]
        missing = [shown(tracks[n].name) for n in asked if stem not in scorable[n]]
        if missing:
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            found.append(
                f"{stem} is silent in {len(missing)} of {len(asked)} validation tracks and is not "
                f"scored there: {', '.join(missing[:3])}{more}"
            )
    return found


def rows(
    recipe: Recipe, state: Mapping[str, Tensor], tracks: Sequence[Track], device: str = "cpu"
) -> list[dict[str, float]]:
    """The scores of each track by stem, in dB, computed on a device as the engine names it."""
    ready = separator(recipe, state).to(device)
    found = []
    for track in tracks:
        stems = separate_array(
            ready,
            track.mix(),
            track.sample_rate_hz,
            execution=Execution(device=device),
            warn=lambda _: None,
        )
        found.append(score(track, {stem: stems[stem] for stem in recipe.data.stems}))
    return found


def average(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The score in dB of each stem that counts, and of all together ("mean"); more is better.

    Empty where no track has a score.
    """
    stems = dict.fromkeys(stem for row in rows for stem in row)
    values = {stem: [row[stem] for row in rows if not np.isnan(row.get(stem, np.nan))]
              for stem in stems}  # fmt: skip
    found = {stem: fmean(some) for stem, some in values.items() if some}
    return {**found, "mean": fmean(found.values())} if found else {}


def score(track: Track, estimates: Mapping[str, Wave]) -> dict[str, float]:
    """The scores of one track by stem; NaN for a stem that is silent in it.

    An estimate that is silent where its stem sounds is as wrong as the stem is loud: 0 dB.
    """
    names = list(estimates)
    references = np.stack([track.stem(name) for name in names])
    guesses = np.stack([estimates[name] for name in names])
    if _is_nsdr(track, names):
        ours = bss_eval_v3_sources(references[:, 0], guesses[:, 0], permutation=False)
        mix = np.repeat(track.mix(), len(names), axis=0)
        before = bss_eval_v3_sources(references[:, 0], mix, permutation=False)
        voice = names.index("vocals")
        sdr = 0.0 if _is_lost(references[voice], guesses[voice]) else ours.sdr[voice]
        return {"vocals": float(sdr - before.sdr[voice])}
    frames = bss_eval_v4(references, guesses, window=track.sample_rate_hz, hop=track.sample_rate_hz)
    found = {}
    for n, name in enumerate(names):
        defined = frames.sdr[n][~np.isnan(frames.sdr[n])]
        none = 0.0 if _is_lost(references[n], guesses[n]) else float("nan")
        found[name] = float(np.median(defined)) if len(defined) else none
    return found


def _is_lost(reference: Wave, estimate: Wave) -> bool:
    return bool(reference.any()) and not estimate.any()


def _is_nsdr(track: Track, stems: Sequence[str]) -> bool:
    """Whether the voice's NSDR is what counts of a track."""
    return track.protocol == MIR_1K and "vocals" in stems


def _scored(track: Track, stems: Sequence[str]) -> tuple[str, ...]:
    """The stems that count in a track's metric."""
    return ("vocals",) if _is_nsdr(track, stems) else tuple(stems)


def _scorable(track: Track, stems: Sequence[str]) -> set[str]:
    """The stems that have a score in a track: those that sound, where there is a window in which
    all of them do."""
    window = track.samples if _is_nsdr(track, stems) else track.sample_rate_hz
    whole = max(1, track.samples // window)  # what is left at the end has no window of its own
    activity = {}
    for stem in _scored(track, stems):
        wave = track.stem(stem)
        if wave.any():
            activity[stem] = [
                bool(wave[:, n * window : (n + 1) * window].any()) for n in range(whole)
            ]
    together = any(map(all, zip(*activity.values(), strict=True)))
    return set(activity) if together else set()
