"""The SDR of the music demixing challenges: all that differs, with a floor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unweave.evaluation.whole_track import Metric
from unweave.types import Wave


def score(references: Wave, estimates: Wave) -> npt.NDArray[np.float64]:
    from unweave.evaluation import metrics

    return metrics.global_sdr(references, estimates)


METRIC = Metric("global SDR", score)
