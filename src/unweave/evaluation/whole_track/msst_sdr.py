"""The SDR of MSST and MVSep: the global SDR with a smaller floor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unweave.evaluation.whole_track import Metric, Track


def score(track: Track) -> npt.NDArray[np.float64]:
    from unweave.evaluation import metrics

    return metrics.msst_sdr(track.references, track.estimates)


METRIC = Metric("SDR of MSST", score, reported=False)  # global SDR with a smaller floor
