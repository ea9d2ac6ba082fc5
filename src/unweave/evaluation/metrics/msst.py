"""The scores of MVSep's leaderboard, as Music-Source-Separation-Training (MSST) computes them.

All take `(stem, channel, time)` arrays of equal shape, reference first, and give one float64 score
for each stem, over all channels and the whole length; higher is better. Formulas: R. Solovyev and
others, github.com/ZFTurbo/Music-Source-Separation-Training, `utils/metrics.py` at ccc011a, there in
float32, here in float64. Those that know frequencies in Hz are defined at 44.1 kHz.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unweave.evaluation.metrics import fir
from unweave.evaluation.metrics.arrays import pair
from unweave.evaluation.metrics.simple import AXES, Floats, decibels, energies
from unweave.evaluation.metrics.spectra import magnitudes
from unweave.signal.mel import triangles

RATE_HZ = 44_100
FLOOR = 1e-8  # added to both energies of the SDR, and to what log-WMSE takes the logarithm of
RANGE_DB = 80.0  # below the highest level of a stem, bleedless and fullness hear nothing
INAUDIBLE = 10 ** (-68 / 20)  # errors of log-WMSE below this share of the mix's level count nothing
AT_ONCE = 1 << 17  # samples


@dataclass(frozen=True, slots=True)
class Bleed:
    """Two scores up to 100, each `(stem,)`. bleedless: how little there is that the reference has
    not. fullness: how little is lacking."""

    bleedless: Floats
    fullness: Floats


def msst_sdr(references: Any, estimates: Any) -> Floats:
    """`(sum s² + 1e-8) / (sum (s - ŝ)² + 1e-8)` in dB. Raises ValueError for unequal shapes."""
    signal, noise = energies(*pair(references, estimates, AXES))
    return decibels(signal + FLOOR, noise + FLOOR)


def l1_freq(references: Any, estimates: Any) -> Floats:
    """`100 / (1 + 10 d)`, d the mean difference of magnitudes; frames of 2048, 1024 apart.

    NaN where the sound is no longer than half of a frame. Raises ValueError for unequal shapes.
    """
    window = torch.ones(2048, dtype=torch.float64)

    def score(ref: Tensor, est: Tensor) -> float:
        total, count = 0.0, 0
        for one, other in _both(ref, est, window, 1024):
            total += float((other - one).abs().sum())
            count += one.numel()
        return 100 / (1 + 10 * total / count)

    return _each(references, estimates, score, longer_than=1024)


def bleedless_fullness(references: Any, estimates: Any) -> Bleed:
    """`100 / (1 + m)`, m the mean of the levels that are too high, or too low, in dB.

    Levels of 512 mel bands, frames of 4096, 1024 apart, at 44.1 kHz; those more than 80 dB below
    the highest of a wave are raised to that. Raises ValueError for unequal shapes.
    """
    window = torch.hann_window(4096, dtype=torch.float64)
    weights = _mel(512, 4096)

    def levels(waves: tuple[Tensor, Tensor]) -> Any:
        parts = (magnitudes(wave, window, 1024, mirrored=False) for wave in waves)
        return zip(*((_banded(weights, part) for part in each) for each in parts), strict=True)

    def means(ref: Tensor, est: Tensor) -> tuple[float, float]:
        tops = [
            max(float(part.max()) for part in each)
            for each in zip(*levels((ref, est)), strict=True)
        ]
        floors = [20 * np.log10(max(top, 1e-10)) - RANGE_DB for top in tops]
        sums, counts = np.zeros(2), np.zeros(2)
        for parts in levels((ref, est)):
            one, other = (
                (20 * torch.log10(part.clamp(min=1e-10))).clamp(min=floor)
                for part, floor in zip(parts, floors, strict=True)
            )
            for n, off in enumerate((other - one, one - other)):
                above = off[off > 0]
                sums[n] += float(above.sum())
                counts[n] += above.numel()
        too_high, too_low = sums / np.maximum(counts, 1)
        return too_high, too_low

    refs, ests = pair(references, estimates, AXES)
    found = np.array([means(ref, est) for ref, est in zip(refs, ests, strict=True)])
    return Bleed(*(100 / (1 + found.T)))


def log_wmse(references: Any, estimates: Any, mix: Any) -> Floats:
    """`-4 ln(e + 1e-8)`, e the mean squared error as the ear hears it, beside the mix.

    mix: `(channel, time)`. Errors and mix are filtered (`fir.sensitivity`), the errors divided by
    the level of each channel of the mix, and what lies 68 dB below that counts as none. The mean
    over all pairs of channels of the stem and of the mix, at 44.1 kHz, as MSST calls
    torch-log-wmse 0.3 (C. Landschoot, after Nomono's log-wmse-audio-quality). Defined for silent
    stems. Raises ValueError for unequal shapes.
    """
    refs, ests = pair(references, estimates, AXES)
    whole, _ = pair([mix], [mix], AXES)
    if whole.shape[1:] != refs.shape[1:]:
        raise ValueError(f"the mix {tuple(whole.shape[1:])} is not of the shape of the stems")
    length, taps = refs.shape[-1], fir.sensitivity()
    stretches = [(at, min(at + AT_ONCE, length)) for at in range(0, length, AT_ONCE)]
    power = torch.zeros(whole.shape[1], dtype=torch.float64)
    for first, last in stretches:
        power += fir.filtered(whole[0], first, last, taps).square().sum(-1)
    scale = 1 / (torch.sqrt(power / length) + FLOOR)  # (channel of the mix,)
    scores = []
    for ref, est in zip(refs, ests, strict=True):
        error = torch.zeros(len(scale), len(ref), dtype=torch.float64)
        for first, last in stretches:
            part = fir.filtered(est, first, last, taps) - fir.filtered(ref, first, last, taps)
            for n, each in enumerate(scale):
                heard = part * each
                error[n] += torch.where(heard.abs() < INAUDIBLE, 0.0, heard).square().sum(-1)
        scores.append(float(-4 * torch.log(error / length + FLOOR).mean()))
    return np.array(scores)


def aura_stft(references: Any, estimates: Any) -> Floats:
    """`100 / (1 + 10 L)`, L the STFT loss of auraloss: frames of 1024, 256 apart, no mel bands.

    The loss is the mean difference of the logarithms of magnitudes, plus the norm of the difference
    of magnitudes over that of the estimate's (MSST gives the estimate as the target). NaN where the
    sound is no longer than half of a frame. Raises ValueError for unequal shapes.
    """

    def score(ref: Tensor, est: Tensor) -> float:
        return 100 / (1 + 10 * _stft_loss(ref, est, 1024))

    return _each(references, estimates, score, longer_than=512)


def aura_mrstft(references: Any, estimates: Any) -> Floats:
    """The same with the mean loss of frames of 1024, 2048 and 4096, each four times over.

    Magnitudes of 128 mel bands of sound under the A curve (`fir.a_weighting`), at 44.1 kHz.
    """

    def score(ref: Tensor, est: Tensor) -> float:
        losses = [_stft_loss(ref, est, size, bands=128) for size in (1024, 2048, 4096)]
        return 100 / (1 + 10 * float(np.mean(losses)))

    return _each(references, estimates, score, longer_than=2048)


def _stft_loss(ref: Tensor, est: Tensor, size: int, bands: int = 0) -> float:
    """The STFT loss of auraloss 0.4. bands: on the mel scale, under the A curve; 0: neither."""
    window = torch.hann_window(size, dtype=torch.float64)
    taps = fir.a_weighting(RATE_HZ)

    def weighted(signal: Tensor, first: int, last: int) -> Tensor:
        return fir.filtered(signal, first, last, taps)

    off, logs, norm, count = 0.0, 0.0, 0.0, 0
    for pair_ in _both(ref, est, window, size // 4, weighted if bands else None):
        one, other = (part.clamp(min=1e-4) for part in pair_)
        if bands:
            weights = _mel(bands, size)
            one, other = _banded(weights, one), _banded(weights, other)
        off += float((other - one).square().sum())
        norm += float(other.square().sum())
        logs += float((other.log() - one.log()).abs().sum())
        count += one.numel()
    return float(np.sqrt(off / norm)) + logs / count


def _both(ref: Tensor, est: Tensor, window: Tensor, hop: int, samples: Any = None) -> Any:
    """Magnitudes of both, group by group."""
    parts = (magnitudes(wave, window, hop, samples=samples) for wave in (ref, est))
    return zip(*parts, strict=True)


def _each(references: Any, estimates: Any, score: Any, longer_than: int) -> Floats:
    """The score of each stem; NaN for sound that is too short to be mirrored."""
    refs, ests = pair(references, estimates, AXES)
    if refs.shape[-1] <= longer_than:
        return np.full(len(refs), np.nan)
    return np.array([score(ref, est) for ref, est in zip(refs, ests, strict=True)])


@cache
def _mel(bands: int, size: int) -> Any:
    """Filters at 44.1 kHz, `(band, bin)`: sparse, as each bin is in two bands at most."""
    from scipy.sparse import csr_array

    return csr_array(triangles(bands, RATE_HZ, size))


def _banded(weights: Any, magnitude: Tensor) -> Tensor:
    """`(channel, bin, frame)` to `(channel, band, frame)`."""
    channels, bins, frames = magnitude.shape
    flat = weights @ magnitude.transpose(0, 1).reshape(bins, channels * frames).numpy()
    return torch.from_numpy(flat).reshape(-1, channels, frames).transpose(0, 1)
