"""Metrics without distortion filters: SNR, global SDR, and SDR that ignores the estimate's gain.

All take `(stem, channel, time)` arrays of equal shape, reference first, and give one float64 score
in dB for each stem, computed over all channels and the whole length. A stem whose reference is
silent has no score: NaN (global SDR, which has a floor in its formula, excepted).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from unweave.evaluation.metrics.arrays import pair

Floats = npt.NDArray[np.float64]

AXES = ("stem", "channel", "time")
FLOOR = 1e-7  # added to both energies of the global SDR, as the music demixing challenges do


@dataclass(frozen=True, slots=True)
class SiScores:
    """Scale-invariant ratios in dB, each `(stem,)`."""

    si_sdr: Floats
    si_sir: Floats
    si_sar: Floats


def decibels(numerator: Any, denominator: Any) -> Floats:
    """`10 log10(numerator / denominator)`; infinite where the denominator is zero."""
    above, below = np.broadcast_arrays(np.asarray(numerator), np.asarray(denominator))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = 10 * np.log10(above / below)
    return np.where(below == 0, np.inf, ratio).astype(np.float64)


def snr(references: Any, estimates: Any) -> Floats:
    """Signal-to-noise ratio, `sum s² / sum (s - ŝ)²`, everything that differs being noise.

    Raises ValueError for arrays of unequal shape.
    """
    refs, ests = pair(references, estimates, AXES)
    signal, noise = energies(refs, ests)
    return np.where(signal == 0, np.nan, decibels(signal, noise))


def global_sdr(references: Any, estimates: Any) -> Floats:
    """The SDR of the music demixing challenges, of whole songs: not BSS Eval's.

    `(sum s² + 1e-7) / (sum (s - ŝ)² + 1e-7)` (Mitsufuji et al., "Music Demixing Challenge 2021",
    section 3.2; its mean over songs is the leaderboard's score). Finite for silence too.
    Raises ValueError for arrays of unequal shape.
    """
    refs, ests = pair(references, estimates, AXES)
    signal, noise = energies(refs, ests)
    return decibels(signal + FLOOR, noise + FLOOR)


def si_sdr(references: Any, estimates: Any) -> SiScores:
    """Scale-invariant SDR, SIR and SAR (Le Roux et al., "SDR - half-baked or well done?", 2019).

    One gain for each stem, no filters: the estimate's projection on its own reference is the
    target; what the other references explain besides, one gain each, is interference; what is left
    is artefact. All channels of a stem share a gain, as one long vector. A silent reference or
    estimate has no score: NaN.
    Raises ValueError for arrays of unequal shape.
    """
    refs, ests = pair(references, estimates, AXES)
    stems = len(refs)
    gram = np.zeros((stems, stems))
    cross = np.zeros((stems, stems))  # [reference, estimate]
    for ref, est in _blocks(refs, ests):
        gram += (ref @ ref.T).numpy()
        cross += (ref @ est.T).numpy()
    energy = np.diag(gram)
    active = energy > 0
    own = np.divide(np.diag(cross), energy, out=np.zeros(stems), where=active)
    scale = np.sqrt(np.where(active, energy, 1.0))  # loud and soft stems on one footing
    gains = np.linalg.pinv(gram / np.outer(scale, scale), rcond=1e-12, hermitian=True)
    gains = gains @ (cross / scale[:, None]) / scale[:, None]

    target, interference, artefact, distortion = np.zeros((4, stems))
    for ref, est in _blocks(refs, ests):
        aimed = torch.from_numpy(own)[:, None] * ref
        explained = torch.from_numpy(gains).T @ ref
        target += _square(aimed)
        interference += _square(explained - aimed)
        artefact += _square(est - explained)
        distortion += _square(est - aimed)
    defined = active & np.array([bool(est.any()) for est in ests])
    scores = (decibels(target, part) for part in (distortion, interference, artefact))
    return SiScores(*(np.where(defined, score, np.nan) for score in scores))


def energies(refs: torch.Tensor, ests: torch.Tensor) -> tuple[Floats, Floats]:
    """For each stem, the energy of the reference and of its difference from the estimate."""
    signal, noise = np.zeros((2, len(refs)))
    for ref, est in _blocks(refs, ests):
        signal += _square(ref)
        noise += _square(ref - est)
    return signal, noise


def _square(rows: torch.Tensor) -> Floats:
    return torch.linalg.vecdot(rows, rows).numpy()


def _blocks(
    refs: torch.Tensor, ests: torch.Tensor, size: int = 1 << 16
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Both in float64, a stretch of time at once, `(stem, channel and time as one axis)`."""
    for first in range(0, refs.shape[-1], size):
        both = (part[..., first : first + size].double().flatten(1) for part in (refs, ests))
        ref, est = both
        yield ref, est
