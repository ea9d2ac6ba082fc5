"""BSS Eval, version 4 as museval computes it and version 3 as mir_eval does, much faster.

An estimate is split into what its own reference explains through 512-tap filters, what the other
references explain besides (interference), and the rest (artefacts). The ratios of their energies
are SDR, ISR, SIR and SAR (Vincent, Gribonval, Févotte, 2006; version 4: Stöter, Liutkus, Ito, "The
2018 Signal Separation Evaluation Campaign"). Where these functions differ from museval and
mir_eval, which is about silence only, `docs/metrics.md` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unweave.evaluation.metrics.arrays import pair, silent
from unweave.evaluation.metrics.closed import whole_ratios
from unweave.evaluation.metrics.decompose import ReferenceCache, project, ratios, spectra

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

MOST_DB = 1e6  # stands for infinite decibels, far above any finite score


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """BSS Eval v4: ratios in dB, each `(stem, frame)`; NaN where a frame has no score."""

    sdr: Floats
    isr: Floats
    sir: Floats
    sar: Floats
    permutation: Integers  # of each reference the estimate, `(stem,)`, framewise `(stem, frame)`
    silent_frames: Integers  # of each stem the number of frames that are NaN
    window: int
    hop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """BSS Eval v3 "sources": ratios in dB, each `(stem,)`."""

    sdr: Floats
    sir: Floats
    sar: Floats
    permutation: Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """BSS Eval v3 "images": ratios in dB, each `(stem,)`."""

    sdr: Floats
    isr: Floats
    sir: Floats
    sar: Floats
    permutation: Integers


def bss_eval_v4(
    references: Any,
    estimates: Any,
    *,
    window: int,
    hop: int,
    filter_taps: int = 512,
    framewise_filters: bool = False,
    permutation: bool = False,
    cache: ReferenceCache | None = None,
) -> Frames:
    """BSS Eval v4, as museval computes it: SDR, ISR, SIR and SAR of every frame.

    references, estimates: `(stem, channel, time)`. window, hop: samples; museval's default is one
    second for both. A window as long as the signals, or longer, makes one frame of everything.
    Filters are those of the whole signals, or with `framewise_filters` each frame's own. With
    `permutation` estimates are assigned so that the mean SIR is the largest.
    cache: one `ReferenceCache()` for several estimates of the same references: most of the work is
    in the references, and with filters of the whole signals it is done once.
    Raises ValueError for arrays of unequal shape.
    """
    refs, ests = pair(references, estimates, ("stem", "channel", "time"))
    if window < 1 or hop < 1 or filter_taps < 1:
        raise ValueError("window, hop and filter_taps must be at least one sample")
    length = refs.shape[-1]
    frames = (length - window + hop) // hop if window < length else 1
    slices = [slice(t * hop, min(t * hop + window, length)) for t in range(frames)]
    table = _scores(refs, ests, slices, filter_taps, framewise_filters, permutation, cache=cache)
    return _finish(refs, ests, slices, table, window, hop, permutation, framewise_filters)


def _scores(
    refs: Tensor,
    ests: Tensor,
    slices: list[slice],
    taps: int,
    framewise: bool,
    permutation: bool,
    sources: bool = False,
    cache: ReferenceCache | None = None,
) -> Floats:
    """The ratios `(metric, reference, estimate, frame)`; NaN for pairs that are not candidates."""
    stems = len(refs)
    every = torch.arange(stems)
    candidates = every.expand(stems, stems) if permutation else every[:, None]
    table = np.full((4, stems, stems, len(slices)), np.nan)
    frame = slices[0].stop - slices[0].start
    fitted_here = framewise or frame == refs.shape[-1]
    if not fitted_here:
        factors = None if cache is None else cache.factors(refs, taps)
        filters = spectra(project(refs, ests, candidates, taps, factors), frame)
    for t, part in enumerate(slices):
        x, y = refs[..., part], ests[..., part]
        found = None
        if fitted_here:
            here = project(x, y, candidates, taps)
            found = whole_ratios(y, candidates, here, sources)
            filters = spectra(here, frame)
        if found is None:
            found = ratios(x, y, candidates, filters, sources)
        # As arrays: a tensor of one element would index as a number does.
        table[:, every[:, None].numpy(), candidates.numpy(), t] = found
    return table


def _finish(
    refs: Tensor,
    ests: Tensor,
    slices: list[slice],
    table: Floats,
    window: int,
    hop: int,
    permutation: bool,
    framewise: bool,
) -> Frames:
    """Choose the estimate of each reference from `table (metric, reference, estimate, frame)`."""
    stems = len(refs)
    own = np.arange(stems)
    silent_ref, silent_est = (
        np.array([[silent(s[..., p]) for p in slices] for s in x]) for x in (refs, ests)
    )
    void_ref, void_est = (np.array([silent(s) for s in x]) for x in (refs, ests))
    ignored = void_est if permutation else void_est | void_ref
    gone = (silent_ref & ~void_ref[:, None]).any(0) | (silent_est & ~ignored[:, None]).any(0)
    table[..., gone] = np.nan
    table[:, void_ref] = np.nan
    table[:, :, void_est] = np.nan
    if permutation and framewise:
        order = np.stack([assignment(table[2, ..., t]) for t in range(len(slices))], axis=-1)
        best = table[:, own[:, None], order, np.arange(len(slices))]
    else:
        order = own.astype(np.int64)
        if permutation:
            with np.errstate(all="ignore"):
                order = assignment(table[2][..., ~gone].mean(-1))
        best = table[:, own, order]
    sdr, isr, sir, sar = best
    return Frames(
        sdr=sdr,
        isr=isr,
        sir=sir,
        sar=sar,
        permutation=order,
        silent_frames=np.isnan(sdr).sum(-1),
        window=window,
        hop=hop,
    )


def bss_eval_v3_images(
    references: Any, estimates: Any, *, filter_taps: int = 512, permutation: bool = True
) -> Images:
    """BSS Eval v3 "images", as mir_eval computes it, of whole signals `(stem, channel, time)`.

    Raises ValueError for arrays of unequal shape.
    """
    length = np.shape(references)[-1]
    found = bss_eval_v4(
        references, estimates, window=length, hop=length, filter_taps=filter_taps,
        permutation=permutation,
    )  # fmt: skip
    sdr, isr, sir, sar = (x[:, 0] for x in (found.sdr, found.isr, found.sir, found.sar))
    return Images(sdr=sdr, isr=isr, sir=sir, sar=sar, permutation=found.permutation)


def bss_eval_v3_sources(
    references: Any, estimates: Any, *, filter_taps: int = 512, permutation: bool = True
) -> Sources:
    """BSS Eval v3 "sources", as mir_eval computes it, of whole mono signals `(stem, time)`.

    Raises ValueError for arrays of unequal shape.
    """
    refs, ests = pair(references, estimates, ("stem", "time"))
    refs, ests = refs[:, None], ests[:, None]
    length = refs.shape[-1]
    slices = [slice(0, length)]
    table = _scores(refs, ests, slices, filter_taps, False, permutation, sources=True)
    found = _finish(refs, ests, slices, table, length, length, permutation, False)
    return Sources(
        sdr=found.sdr[:, 0],
        sir=found.sir[:, 0],
        sar=found.sar[:, 0],
        permutation=found.permutation,
    )


def assignment(scores: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """For each row of the square matrix `scores` its column, so that the sum is the largest.

    Infinities count as very large; NaN, a score that does not exist, as worse than anything.
    """
    from scipy.optimize import linear_sum_assignment  # slow to import, for few calls

    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        raise ValueError(f"scores must be a square matrix, got shape {table.shape}")
    finite = np.nan_to_num(np.clip(table, -MOST_DB, MOST_DB), nan=-10 * MOST_DB)
    columns: npt.NDArray[np.int64] = linear_sum_assignment(finite, maximize=True)[1]
    return columns
