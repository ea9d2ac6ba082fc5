"""The learning rate by step: up in a straight line, level, and down along a cosine at the end.

The level stretch may be as long as one likes and be prolonged later: only `decay` knows the end.
"""

from __future__ import annotations

import math

from unweave.training.recipe import Schedule


def factor(step: int, schedule: Schedule) -> float:
    """The rate of step `step`, counted from 0, as a part of the highest."""
    rising = min(1.0, (step + 1) / schedule.warmup) if schedule.warmup else 1.0
    left = schedule.steps - step
    if left >= schedule.decay:
        return rising
    return rising * 0.5 * (1.0 - math.cos(math.pi * max(0.0, left) / schedule.decay))
