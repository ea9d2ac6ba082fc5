"""MSST's L1-freq: how far magnitudes of spectra are off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unweave.evaluation.whole_track import Metric, Track


def score(track: Track) -> npt.NDArray[np.float64]:
    from unweave.evaluation import metrics

    return metrics.l1_freq(track.references, track.estimates)


METRIC = Metric("L1-freq", score, unit="")
