"""log-WMSE: the error as the ear hears it, beside the mix; defined for silent stems."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unweave.evaluation.whole_track import Metric, Track


def score(track: Track) -> npt.NDArray[np.float64]:
    from unweave.evaluation import metrics

    return metrics.log_wmse(track.references, track.estimates, track.mix)


METRIC = Metric("log-WMSE", score, unit="", rate_hz=44_100, takes_mix=True)
