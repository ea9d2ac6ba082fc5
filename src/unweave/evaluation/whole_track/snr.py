"""The signal-to-noise ratio."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unweave.evaluation.whole_track import Metric
from unweave.types import Wave


def score(references: Wave, estimates: Wave) -> npt.NDArray[np.float64]:
    from unweave.evaluation import metrics

    return metrics.snr(references, estimates)


METRIC = Metric("SNR", score, reported=False)  # global SDR without its floor
