"""MSST's Aura STFT: how far spectra are off, loud and soft parts alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unweave.evaluation.whole_track import Metric, Track


def score(track: Track) -> npt.NDArray[np.float64]:
    from unweave.evaluation import metrics

    return metrics.aura_stft(track.references, track.estimates)


METRIC = Metric("Aura STFT", score, unit="")
