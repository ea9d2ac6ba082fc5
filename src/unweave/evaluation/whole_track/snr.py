"""The signal-to-noise ratio."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unweave.evaluation.whole_track import Metric, Track


def score(track: Track) -> npt.NDArray[np.float64]:
    from unweave.evaluation import metrics

    return metrics.snr(track.references, track.estimates)


METRIC = Metric("SNR", score, reported=False)  # global SDR without its floor
