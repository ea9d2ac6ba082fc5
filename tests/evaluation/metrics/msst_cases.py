"""Small signals, and what MSST's own metrics say of them (benchmarks/msst/record.py)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

RECORDED = Path(__file__).parents[2] / "data" / "msst" / "scores.json"
LENGTH = 44_100
NAMES = ("stereo", "mono", "soft", "silent estimate", "silent reference", "equal")

Wave = npt.NDArray[np.float32]


def case(name: str) -> tuple[Wave, Wave, Wave]:
    """A reference, an estimate and a mix, each `(channel, time)`."""
    channels = 1 if name == "mono" else 2
    rng = np.random.default_rng(NAMES.index(name))
    noise = rng.standard_normal((3, channels, LENGTH))
    beats = 1.05 + np.sin(np.arange(LENGTH) * 2e-4)
    ref = 0.02 * lfilter([1.0], [1.0, -0.9], noise[0]) * beats
    other = 0.02 * noise[1] / beats
    est = lfilter([0.8, 0.1], [1.0], ref) + 0.2 * other + 1e-4 * noise[2]
    ref[:, 3000:9000] = 0.0
    if name == "soft":
        ref, est, other = 1e-3 * ref, 1e-3 * est, 1e-3 * other
    if name == "silent estimate":
        est = np.zeros_like(ref)
    if name == "silent reference":
        ref = np.zeros_like(ref)
    if name == "equal":
        est = ref
    return tuple(each.astype(np.float32) for each in (ref, est, ref + other))
