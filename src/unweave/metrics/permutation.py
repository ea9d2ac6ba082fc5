"""Which estimate belongs to which reference: the assignment with the largest sum."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LIMIT = 1e6  # stands for infinite decibels, far above any finite figure


def assignment(scores: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """For each row of the square matrix `scores` its column, so that the sum is the largest.

    Infinities count as very large; NaN, a figure that does not exist, as worse than anything.
    """
    from scipy.optimize import linear_sum_assignment  # slow to import, for few calls

    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        raise ValueError(f"scores must be a square matrix, got shape {table.shape}")
    finite = np.nan_to_num(np.clip(table, -LIMIT, LIMIT), nan=-10 * LIMIT)
    columns: npt.NDArray[np.int64] = linear_sum_assignment(finite, maximize=True)[1]
    return columns
