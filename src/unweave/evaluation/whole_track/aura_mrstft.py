"""MSST's Aura MRSTFT: the same as the ear weighs it, in frames of three lengths."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unweave.evaluation.whole_track import Metric, Track


def score(track: Track) -> npt.NDArray[np.float64]:
    from unweave.evaluation import metrics

    return metrics.aura_mrstft(track.references, track.estimates)


METRIC = Metric("Aura MRSTFT", score, unit="", rate_hz=44_100)
