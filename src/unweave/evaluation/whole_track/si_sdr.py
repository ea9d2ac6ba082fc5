"""Scale-invariant SDR: all that no gain of the reference explains."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unweave.evaluation.whole_track import Metric, Track


def score(track: Track) -> npt.NDArray[np.float64]:
    from unweave.evaluation import metrics

    return metrics.si_sdr(track.references, track.estimates).si_sdr


METRIC = Metric("SI-SDR", score)
