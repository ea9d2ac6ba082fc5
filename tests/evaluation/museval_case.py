"""The track that museval and unweave both score: synthetic, with a pause in its vocals."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from tests.evaluation.fakes import Waves, track_of
from unweave.datasets import synthetic
from unweave.datasets.track import Track
from unweave.evaluation import oracles, pairing, scoring
from unweave.evaluation.scores import BSS_EVAL_V4, TrackScores

OUT = Path(__file__).parents[1] / "data" / "museval"
RATE_HZ = 8000


def estimates_and_track() -> tuple[dict[str, np.ndarray], Track]:
    """Estimates of the four stems and of the accompaniment, and the track."""
    made = synthetic.make(1, duration_s=4.5, sample_rate_hz=RATE_HZ)[0]
    stems = {name: made.stem(name) for name in made.stems}
    stems["vocals"][:, RATE_HZ : 2 * RATE_HZ] = 0.0
    mix = np.sum(list(stems.values()), axis=0, dtype=np.float32)
    track = track_of(
        "pause",
        Waves(mix),
        {name: Waves(wave) for name, wave in stems.items()},
        made.samples,
        channels=2,
    )
    estimates = oracles.oracle("irm1", mix, stems, BSS_EVAL_V4)
    estimates["accompaniment"] = pairing.total(
        estimates, [name for name in stems if name != "vocals"]
    )
    return estimates, track


@cache
def our_scores() -> TrackScores:
    """The scores of unweave."""
    estimates, track = estimates_and_track()
    references = {name: track.stem(name) for name in track.stem_names}
    found = scoring.score(references, estimates, track.sample_rate_hz, BSS_EVAL_V4)
    return TrackScores(
        dataset="synthetic",
        split="test",
        track=track.name,
        separator="irm1",
        name="irm1",
        kind="oracle",
        samples=track.samples,
        sample_rate_hz=track.sample_rate_hz,
        warnings=tuple(found.warnings),
        **found.as_arguments(),
    )
