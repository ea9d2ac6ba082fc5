"""The SDR of the music demixing challenges: all that differs, with a floor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unweave.evaluation.whole_track import Metric, Track


def score(track: Track) -> npt.NDArray[np.float64]:
    from unweave.evaluation import metrics

    return metrics.global_sdr(track.references, track.estimates)


METRIC = Metric("global SDR", score)
