"""MSST's fullness: how little is lacking of the reference."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unweave.evaluation.whole_track import Metric, Track


def score(track: Track) -> npt.NDArray[np.float64]:
    return track.bleed.fullness


METRIC = Metric("fullness", score, unit="", rate_hz=44_100)
