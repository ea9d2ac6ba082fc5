"""MSST's bleedless: how little there is that the reference has not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unweave.evaluation.whole_track import Metric, Track


def score(track: Track) -> npt.NDArray[np.float64]:
    return track.bleed.bleedless


METRIC = Metric("bleedless", score, unit="", rate_hz=44_100)
