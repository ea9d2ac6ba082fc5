"""The ratios of a whole signal from correlations alone, without filtering anything.

Where filters are used on the very signals they were fitted to, every energy of BSS Eval
is a quadratic form: the target's is `h' G h`, its product with the estimate is `d' h`, and so on,
with the Gram matrix `G` and the products `d` that gave the filters `h`. (Scheibler, "SDR: medium
rare with fast computations", ICASSP 2022, goes this way too.) Differences of large numbers lose
digits, so that these scores are given only where enough are left.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from unweave.evaluation.metrics.correlate import fast_size
from unweave.evaluation.metrics.decompose import Floats, Projection
from unweave.evaluation.metrics.simple import decibels

# Energies below this part of all that was added and subtracted are left to the slower way. Rounding
# is some 2^-44 of it, of which this leaves 20 bits: 4e-6 dB.
TRUSTED = 2.0**-24
BLOCK = 1 << 16  # samples that are float64 at once


def whole_ratios(
    ests: Tensor, candidates: Tensor, projection: Projection, sources: bool
) -> Floats | None:
    """What `decompose.ratios` gives for the signals that `projection` was made from, or None.

    ests: `(stem, channel, time)`, those that the filters were fitted to.
    """
    stems, channels, _ = ests.shape
    count = candidates.shape[1]
    split = (stems, channels, stems, channels, -1)
    chosen = torch.arange(stems)[:, None], candidates

    def of_pairs(rows: Tensor) -> Tensor:
        """`(row, column, tap)` as `(stem, channel, candidate and channel, tap)`."""
        pairs = rows.reshape(split).permute(0, 2, 1, 3, 4)[chosen]  # (stem, candidate, ch, ch, tap)
        return pairs.permute(0, 2, 1, 3, 4).flatten(2, 3)

    def per_candidate(products: Tensor) -> Tensor:
        """Sum `(stem, channel, candidate and channel, tap)` to `(stem, candidate)`."""
        return products.sum((1, 3)).reshape(stems, count, channels).sum(-1)

    own_lags = [
        projection.lags[j * channels : (j + 1) * channels, j * channels : (j + 1) * channels]
        for j in range(stems)
    ]
    loud = projection.lags[..., 0].diagonal()
    true = loud.reshape(stems, channels).sum(1)[:, None]
    estimated = sum(x.double().square().sum((1, 2)) for x in ests.split(BLOCK, -1))[candidates]

    gram_all = _gram_times(projection.lags, projection.all)
    gram_own = torch.stack(
        [_gram_times(*pair) for pair in zip(own_lags, projection.own, strict=True)]
    )
    every = (projection.all * gram_all).reshape(*split).sum((0, 1, 3, 4))[candidates]
    explained = (projection.all * projection.products).reshape(*split).sum((0, 1, 3, 4))[candidates]
    target = per_candidate(projection.own * gram_own)
    artefacts = estimated - 2 * explained + every
    interference = every - 2 * per_candidate(projection.own * of_pairs(gram_all)) + target
    if sources:
        distortion = (
            estimated - 2 * per_candidate(projection.own * of_pairs(projection.products)) + target
        )
        spatial = true.expand_as(target)
    else:
        aligned = projection.products[..., 0].reshape(split[:-1]).diagonal(dim1=1, dim2=3).sum(-1)
        distortion = estimated + true - 2 * aligned[chosen]
        itself = torch.stack(own_lags).transpose(2, 3)  # (stem, channel, tap, channel)
        by_channel = projection.own.reshape(stems, channels, count, channels, -1)
        spatial = target - 2 * torch.einsum("jicek,jike->jc", by_channel, itself) + true

    size = projection.own.square().sum((1, 3)).reshape(stems, count, channels).sum(-1) * true
    size = (
        size
        + (projection.all.square() * loud[:, None, None])
        .reshape(split)
        .sum((0, 1, 3, 4))[candidates]
    )
    least = torch.stack([artefacts, interference, distortion, spatial, target, every]).amin(0)
    if not bool((least >= TRUSTED * (estimated + true + size)).all()):
        return None
    sdr = decibels(target if sources else true, distortion)
    isr = np.full_like(sdr, np.nan) if sources else decibels(true, spatial)
    return np.stack([sdr, isr, decibels(target, interference), decibels(every, artefacts)])


def _gram_times(lags: Tensor, filters: Tensor) -> Tensor:
    """The block Toeplitz Gram matrix of `lags (i, i, tap)` times `filters (i, column, tap)`."""
    taps = lags.shape[-1]
    size = fast_size(2 * taps)
    circle = lags.new_zeros(*lags.shape[:2], size)
    circle[..., :taps] = lags
    circle[..., size - taps + 1 :] = lags.transpose(0, 1)[..., 1:].flip(-1)
    spectrum = torch.einsum("ijf,jef->ief", torch.fft.rfft(circle), torch.fft.rfft(filters, n=size))
    return torch.fft.irfft(spectrum, n=size)[..., :taps]
