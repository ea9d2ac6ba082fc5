"""Which estimate belongs to which reference: the assignment with the largest sum.

The Hungarian method with potentials (Kuhn 1955, Munkres 1957; this form: shortest augmenting
paths, row by row), in cubic time, for matrices of a handful of stems.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LIMIT = 1e6  # stands for infinite decibels, far above any finite figure


def assignment(scores: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """For each row of the square matrix `scores` its column, so that the sum is the largest.

    Infinities count as very large; NaN, a figure that does not exist, as worse than anything.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        raise ValueError(f"scores must be a square matrix, got shape {table.shape}")
    costs = -np.nan_to_num(np.clip(table, -LIMIT, LIMIT), nan=-10 * LIMIT)
    size = len(costs)
    rows, columns = np.zeros(size + 1), np.zeros(size + 1)  # potentials; the last column is spare
    row_of = np.full(size + 1, -1)
    for row in range(size):
        row_of[size] = row
        column = size
        best = np.full(size, np.inf)  # the cheapest way into each column so far
        before = np.full(size, size)
        used = np.zeros(size + 1, dtype=bool)
        while row_of[column] >= 0:
            used[column] = True
            at = row_of[column]
            free = ~used[:size]
            reach = costs[at] - rows[at] - columns[:size]
            shorter = free & (reach < best)
            best[shorter], before[shorter] = reach[shorter], column
            following = int(np.argmin(np.where(free, best, np.inf)))
            step = best[following]
            rows[row_of[used]] += step
            columns[used] -= step
            best[free] -= step
            column = following
        while column != size:
            row_of[column] = row_of[before[column]]
            column = int(before[column])
    found = np.empty(size, dtype=np.int64)
    found[row_of[:size]] = np.arange(size)
    return found
