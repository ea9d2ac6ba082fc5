"""Least squares with delayed references: which filters make the references look like an estimate.

The delayed copies of all references are the columns of a tall matrix. All that its filters need is
its Gram matrix, block Toeplitz and made of cross-correlations, and its products with the estimates.
The Gram matrix is factored once and serves every estimate.

It may be singular (a mono stem has two equal channels) or, where a codec cut the treble off, so
near to it that 64 bits do not tell. A trace on the diagonal, the smallest that will do, makes a
Cholesky factor possible: scores of BSS Eval v4 depend on the filters in that treble too
(docs/metrics.md), and a trace of 1e-13 moved SIR by 0.3 dB. Where it had to be more than rounding,
one step of refinement with the true matrix takes its influence out of all that is above it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

TRACE = 2.0**-52  # the rounding of 64 bits; the diagonal is one


@dataclass(frozen=True, slots=True)
class Factor:
    """The factored Gram matrix of the references that sound."""

    active: Tensor  # their numbers
    scale: Tensor  # their levels, (i, 1, 1): loud and soft ones are put on one footing
    lower: Tensor  # the Cholesky factor
    matrix: Tensor | None  # itself, where the trace was more than rounding

    @staticmethod
    def of(lags: Tensor) -> Factor:
        """lags: correlations of all references among themselves `(i, i, taps)`."""
        energy = lags.diagonal()[0]
        active = torch.nonzero(energy > 0).flatten()
        scale = energy[active].sqrt()[:, None, None]
        matrix = gram(lags[active][:, active] / (scale * scale[:, 0]))
        trace, lower = _factor(matrix)
        return Factor(active, scale, lower, matrix if trace > TRACE else None)


def filters(factor: Factor, products: Tensor) -> Tensor:
    """The filters that bring the references nearest to each estimate, `(i, estimate, taps)`.

    products: of references with estimates, `(i, estimate, taps)`. Silent references get zeros.
    """
    found = torch.zeros_like(products)
    count, (_, others, taps) = len(factor.active), products.shape
    if count:
        scaled = products[factor.active] / factor.scale
        columns = scaled.transpose(1, 2).reshape(count * taps, others)
        answer = torch.cholesky_solve(columns, factor.lower)
        if factor.matrix is not None:
            answer += torch.cholesky_solve(columns - factor.matrix @ answer, factor.lower)
        found[factor.active] = answer.reshape(count, taps, others).transpose(1, 2) / factor.scale
    return found


def _factor(matrix: Tensor) -> tuple[float, Tensor]:
    """The smallest trace on the diagonal with which there is a Cholesky factor, and that factor."""
    for trace in (TRACE * 8**power for power in range(20)):
        traced = matrix.clone()
        traced.diagonal().add_(trace)
        factor, failed = torch.linalg.cholesky_ex(traced)
        if not failed:
            return trace, factor
    raise ValueError("the references hold samples that are not finite")


def gram(lags: Tensor) -> Tensor:
    """The Gram matrix `(i * taps, i * taps)` of delayed copies, from correlations `(i, i, taps)`.

    Element `[(i, k), (j, l)]` is the product of i delayed by k and j delayed by l: lag k - l.
    """
    count, _, taps = lags.shape
    both = torch.cat([lags.transpose(0, 1)[..., 1:].flip(-1), lags], dim=-1)
    toeplitz = both.unfold(-1, taps, 1).flip(-1)  # [i, j, k, l]: lag k - l
    return toeplitz.permute(0, 2, 1, 3).reshape(count * taps, count * taps)
