"""An estimate as target, interference and artefacts; the ratios of their energies in one frame.

The *target* is what an estimate's own reference explains through its filters; *all* is what all
references explain. Filtering goes block by block (overlap-save), so that the spectra of the filters
stay in the cache and a long frame needs no long transform.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import pad

from unweave.evaluation.metrics.correlate import correlations, fast_size
from unweave.evaluation.metrics.project import Factor
from unweave.evaluation.metrics.project import filters as solve
from unweave.evaluation.metrics.simple import decibels

Floats = npt.NDArray[np.float64]

SIZE = 8192  # of the blocks' transforms, about, where the taps leave a good part for new samples
GROUP = 8  # blocks at a time


@dataclass(frozen=True, slots=True)
class ReferenceFactors:
    """What a projection needs of references `(stem, channel, time)`, whatever the estimates."""

    lags: Tensor  # (row, row, tap); a row is a stem's channel
    all: Factor
    own: tuple[Factor, ...]  # of each stem alone

    @staticmethod
    def from_lags(lags: Tensor, stems: int) -> ReferenceFactors:
        size = len(lags) // stems
        rows = [slice(j * size, (j + 1) * size) for j in range(stems)]
        return ReferenceFactors(
            lags, Factor.of(lags), tuple(Factor.of(lags[row, row]) for row in rows)
        )


class ReferenceCache:
    """The factors of the last references, for other estimates of the same references."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] | None = None
        self._factors: ReferenceFactors | None = None

    def factors(self, refs: Tensor, taps: int) -> ReferenceFactors:
        digest = hashlib.sha256(refs.contiguous().numpy().data).digest()
        key = digest, refs.shape, refs.dtype, taps  # the same bytes may be other references
        if self._factors is None or key != self._key:
            rows = refs.flatten(0, 1)
            self._factors = ReferenceFactors.from_lags(correlations(rows, (rows,), taps), len(refs))
            self._key = key
        return self._factors


@dataclass(frozen=True, slots=True)
class Projection:
    """Least-squares filters, and the correlations that they were found from."""

    lags: Tensor  # of the references, (row, row, tap); a row is a stem's channel
    products: Tensor  # of references with estimates, (row, column, tap)
    all: Tensor  # filters of all references together, (row, column, tap)
    own: Tensor  # of each stem's reference alone, (stem, channel, candidate and channel, tap)


@dataclass(frozen=True, slots=True)
class Spectra:
    """The filters as spectra of the blocks' size."""

    all: Tensor  # (bin, stem and channel, estimate and channel)
    own: Tensor  # (bin, stem, channel, candidate and channel)
    taps: int
    hop: int
    size: int


def project(
    refs: Tensor,
    ests: Tensor,
    candidates: Tensor,
    taps: int,
    factors: ReferenceFactors | None = None,
) -> Projection:
    """Least-squares filters from references to estimates, `(stem, channel, time)` both.

    candidates: `(stem, candidate)`, the estimates to be tried for each reference. factors: those
    of the references, if they are known.
    """
    stems, channels, _ = refs.shape
    rows, columns = refs.flatten(0, 1), ests.flatten(0, 1)
    if factors is None:  # references and estimates share their transforms
        both = correlations(rows, (rows, columns), taps)
        factors, products = (
            ReferenceFactors.from_lags(both[:, : len(rows)], stems),
            both[:, len(rows) :],
        )
    else:
        products = correlations(rows, (columns,), taps)
    each = products.reshape(stems, channels, stems, channels, taps)
    own = [
        solve(factor, some[:, tried].flatten(1, 2))
        for factor, some, tried in zip(factors.own, each, candidates, strict=True)
    ]
    return Projection(factors.lags, products, solve(factors.all, products), torch.stack(own))


def spectra(projection: Projection, frame: int) -> Spectra:
    """The filters made ready for frames of `frame` samples."""
    taps = projection.all.shape[-1]
    longest = max(SIZE, 1 << (4 * taps - 1).bit_length()) - taps + 1
    blocks = -(-(frame + taps - 1) // longest)
    size = fast_size(-(-(frame + taps - 1) // blocks) + taps - 1)
    return Spectra(
        all=torch.fft.rfft(projection.all, n=size).permute(2, 0, 1).contiguous(),
        own=torch.fft.rfft(projection.own, n=size).permute(3, 0, 1, 2).contiguous(),
        taps=taps,
        hop=size - taps + 1,
        size=size,
    )


def ratios(
    refs: Tensor, ests: Tensor, candidates: Tensor, filters: Spectra, sources: bool
) -> Floats:
    """SDR, ISR, SIR and SAR of one frame `(stem, channel, time)`: `(metric, stem, candidate)`.

    With `sources` as BSS Eval v3's "sources" has them: the target, not the reference, is what SDR
    looks for, and ISR is NaN.
    """
    length = refs.shape[-1] + filters.taps - 1  # the filtered references ring on
    step = GROUP * filters.hop
    groups = [
        _energies(refs, ests, candidates, filters, sources, first, min(step, length - first))
        for first in range(0, length, step)
    ]
    target, every, interference, artefacts, true, distortion, spatial = torch.stack(groups).sum(0)
    sdr = decibels(target if sources else true, distortion)
    isr = np.full_like(sdr, np.nan) if sources else decibels(true, spatial)
    return np.stack([sdr, isr, decibels(target, interference), decibels(every, artefacts)])


def _energies(
    refs: Tensor,
    ests: Tensor,
    candidates: Tensor,
    filters: Spectra,
    sources: bool,
    first: int,
    count: int,
) -> Tensor:
    """Of `count` samples of the padded frame from `first`: what `ratios` takes ratios of."""
    stems, channels, _ = refs.shape
    early = _cut(refs, first - filters.taps + 1, first + count)
    x, y = early[..., filters.taps - 1 :], _cut(ests, first, first + count)
    both, target = _filtered(early, filters)
    target = target.reshape(stems, -1, channels, count)
    wanted = target if sources else x[:, None]
    energies = (
        _energy(target),
        _energy(both)[candidates],
        _energy(both[candidates] - target),
        _energy(y - both)[candidates],
        _energy(x)[:, None],
        _energy(y[candidates] - wanted),
        _energy(target - x[:, None]),
    )
    return torch.stack([energy.expand(candidates.shape) for energy in energies])


def _cut(signals: Tensor, start: int, stop: int) -> Tensor:
    """Samples `start` to `stop` in float64, zeros beyond the signals' ends."""
    part = signals[..., max(start, 0) : stop].double()
    left = max(-start, 0)
    return pad(part, (left, stop - start - left - part.shape[-1]))


def _filtered(x: Tensor, filters: Spectra) -> tuple[Tensor, Tensor]:
    """Of `x (stem, channel, time)`, which begins `taps - 1` samples early: all `(estimate, channel,
    time)`, and each stem alone through its candidates' filters, `(stem, candidate and channel,
    time)`."""
    stems, channels, length = x.shape
    length -= filters.taps - 1
    blocks = -(-length // filters.hop)
    room = pad(x.flatten(0, 1), (0, blocks * filters.hop - length))
    spectra = torch.fft.rfft(room.unfold(-1, filters.size, filters.hop))  # (row, block, bin)
    spectra = spectra.permute(2, 1, 0).contiguous()
    both = spectra @ filters.all  # (bin, block, row)
    own = spectra.unflatten(2, (stems, channels)).transpose(1, 2) @ filters.own

    def wave(products: Tensor) -> Tensor:
        found = torch.fft.irfft(products.contiguous(), n=filters.size)[..., filters.taps - 1 :]
        return found.flatten(-2)[..., :length]

    return wave(both.permute(2, 1, 0)).unflatten(0, (stems, channels)), wave(
        own.permute(1, 3, 2, 0)
    )


def _energy(signals: Tensor) -> Tensor:
    """Of `(..., channel, time)`."""
    flat = signals.flatten(-2)
    return torch.linalg.vecdot(flat, flat)
