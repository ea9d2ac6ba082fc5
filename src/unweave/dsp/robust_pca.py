"""Robust principal component analysis: a matrix as a low-rank and a sparse one.

Minimises `|L|_* + weight |S|_1` (sum of singular values, sum of magnitudes) subject to `L + S = M`.
Candes, Li, Ma, Wright, "Robust principal component analysis?", J. ACM 58(3), 2011, by the inexact
augmented Lagrange multipliers of Lin, Chen, Ma, arXiv 1009.5055, 2010, algorithm 5.

What costs time is to shrink singular values, once in each step. The vectors of the smaller side
are enough for that, and they are the eigenvectors of a small square matrix.
"""

from __future__ import annotations

import torch
from torch import Tensor

GROWTH = 1.5  # of the penalty, in each step; as in the authors' code
ROUNDING = 1e-6  # of the largest eigenvalue: smaller ones are rounding in single precision


def robust_pca(
    matrix: Tensor, weight: float, *, tolerance: float, iterations: int
) -> tuple[Tensor, Tensor]:
    """Low-rank and sparse parts of `(row, column)`.

    Ends when what both leave of the matrix has less than `tolerance` of its norm, or after so many
    iterations. Single precision reaches 1e-6.
    """
    if matrix.shape[0] > matrix.shape[1]:
        low, sparse = robust_pca(
            matrix.mT.contiguous(), weight, tolerance=tolerance, iterations=iterations
        )
        return low.mT, sparse.mT
    size = matrix.norm().item()
    if size == 0.0:
        return torch.zeros_like(matrix), torch.zeros_like(matrix)
    largest = torch.linalg.eigvalsh(matrix @ matrix.mT)[-1].sqrt().item()
    multiplier = matrix / max(largest, matrix.abs().max().item() / weight)
    penalty = 1.25 / largest
    limit = penalty * 1e7
    low = sparse = torch.zeros_like(matrix)
    for _ in range(iterations):
        target = torch.add(matrix, multiplier, alpha=1 / penalty)  # what L + S should be
        low = shrink_singular_values(target - sparse, 1 / penalty)
        target -= low
        sparse = torch.nn.functional.softshrink(target, weight / penalty)
        rest = matrix - low
        rest -= sparse
        multiplier.add_(rest, alpha=penalty)
        penalty = min(penalty * GROWTH, limit)
        if rest.norm().item() < tolerance * size:
            break
    return low, sparse


def shrink_singular_values(matrix: Tensor, threshold: float) -> Tensor:
    """`(row, column)`, no fewer columns than rows, with all singular values less `threshold`.

    Those that would be negative are 0.
    """
    squares, vectors = torch.linalg.eigh(matrix @ matrix.mT)  # smallest first
    cut = 0.9 * threshold**2
    if cut > ROUNDING * squares[-1].item():
        vectors = vectors[:, int(torch.searchsorted(squares, cut)) :]
    parts = vectors.mT @ matrix
    values = parts.norm(dim=1)  # the square roots of `squares`, but to more digits
    keep = values > threshold
    gains = 1 - threshold / values[keep]
    return vectors[:, keep] @ (parts[keep] * gains[:, None])
