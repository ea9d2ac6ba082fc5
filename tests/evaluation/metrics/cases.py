"""What museval and mir_eval scored (benchmarks/bss_eval/record.py), made again for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

RECORDED = Path(__file__).parents[2] / "data" / "bss_eval" / "scores.npz"
RATE_HZ = 8000
ORDER = [1, 0]  # how the estimates are mixed up where a permutation is to be found


def signals(channels: int, length: int = 3 * RATE_HZ, seed: int = 0) -> tuple[Any, Any]:
    """Two coloured, beating references and estimates that are filtered, leak and hiss."""
    rng = np.random.default_rng(seed)
    refs = rng.standard_normal((2, channels, length))
    refs[..., 1:] += 0.8 * refs[..., :-1]
    refs *= 1.1 + np.sin(np.arange(length) * [[[0.001]], [[0.007]]])
    ests = refs + 0.1 * refs[::-1]
    ests[..., 5:] += 0.3 * refs[..., :-5]
    return refs, ests + 0.05 * rng.standard_normal(refs.shape)


def paused(refs: Any, ests: Any) -> tuple[Any, Any]:
    """With a reference that is silent in the second of three frames."""
    refs = refs.copy()
    refs[0, :, RATE_HZ : 2 * RATE_HZ] = 0
    return refs, ests
