"""Least squares with delayed references: which filters make the references look like an estimate.

The delayed copies of all references are the columns of a tall matrix. All that its filters need is
its Gram matrix, block Toeplitz and made of cross-correlations, and its products with the estimates.
The Gram matrix is factored once and serves every estimate.

It is often singular (a mono stem has two equal channels) or nearly so (a codec cut the treble off).
Filters are then not unique but the projections are, and projections are all that metrics use. So a
little is added to the diagonal for the factor, and iterative refinement with the true matrix takes
its influence out again wherever the data are above the rounding of 64 bits.
"""

from __future__ import annotations

import torch
from torch import Tensor

JITTER = 1e-13  # relative to the energy of a channel; the rounding of the correlations is below it
STEPS = 2  # of refinement


def filters(lags: Tensor, products: Tensor) -> Tensor:
    """The filters that bring the references nearest to each estimate.

    lags: correlations of the references among themselves `(i, i, taps)`; products: of references
    with estimates, `(i, estimate, taps)`. Returns `(i, estimate, taps)`; silent references get
    zeros.
    """
    energy = lags.diagonal()[0]
    heard = torch.nonzero(energy > 0).flatten()
    found = torch.zeros_like(products)
    if len(heard):
        scale = energy[heard].sqrt()[:, None, None]  # loud and soft references on one footing
        found[heard] = _solve(
            lags[heard][:, heard] / (scale * scale[:, 0]), products[heard] / scale
        )
        found[heard] /= scale
    return found


def _solve(lags: Tensor, products: Tensor) -> Tensor:
    count, others, taps = products.shape
    factor = _factor(lags)
    size = 1 << (2 * taps - 1).bit_length()
    gap = lags.new_zeros(count, count, size - 2 * taps + 1)
    before = lags.transpose(0, 1)[..., 1:].flip(-1)
    circle = torch.fft.rfft(torch.cat([lags, gap, before], dim=-1))

    def through_factor(right: Tensor) -> Tensor:
        columns = right.transpose(1, 2).reshape(count * taps, others)
        answer = torch.cholesky_solve(columns, factor)
        return answer.reshape(count, taps, others).transpose(1, 2)

    answer = through_factor(products)
    for _ in range(STEPS):
        spectra = torch.fft.rfft(answer, n=size)
        image = torch.fft.irfft(torch.einsum("ijf,jef->ief", circle, spectra), n=size)
        answer = answer + through_factor(products - image[..., :taps])
    return answer


def _factor(lags: Tensor) -> Tensor:
    """The Cholesky factor of the Gram matrix with the smallest jitter that makes one possible."""
    matrix, jitter = gram(lags), JITTER
    while True:
        matrix.diagonal().add_(jitter)
        factor, failed = torch.linalg.cholesky_ex(matrix)
        if not failed:
            return factor
        jitter *= 9  # ten times as much in sum


def gram(lags: Tensor) -> Tensor:
    """The Gram matrix `(i * taps, i * taps)` of delayed copies, from correlations `(i, i, taps)`.

    Element `[(i, k), (j, l)]` is the product of i delayed by k and j delayed by l: lag k - l.
    """
    count, _, taps = lags.shape
    falling = torch.cat([lags.flip(-1), lags.transpose(0, 1)[..., 1:]], dim=-1)
    matrix = torch.empty(count, taps, count, taps, dtype=lags.dtype)
    for k in range(taps):
        matrix[:, k] = falling[..., taps - 1 - k : 2 * taps - 1 - k]
    return matrix.view(count * taps, count * taps)
