"""Time-frequency masks from known spectra, and the centred transform that goes with them.

A mask is what the mix's spectrum is multiplied with to get a source. Made from the true sources
it shows how good any mask of its kind could be: an oracle. Spectra are `(..., frequency, frame)`;
everything keeps the precision it is given.

Binary and ratio masks: Wang, "On ideal binary mask as the computational goal of auditory scene
analysis", 2005; Liutkus and Badeau, "Generalized Wiener filtering with fractional power
spectrograms", ICASSP 2015. Phase-sensitive: Erdogan, Hershey, Watanabe, Le Roux, "Phase-sensitive
and recognition-boosted speech separation using deep recurrent neural networks", ICASSP 2015.
"""

from __future__ import annotations

import torch
from torch import Tensor

from unweave.signal import stft

EPSILON = 2.0**-52  # against division by zero, where nothing sounds


def transform(wave: Tensor, window: Tensor, hop: int) -> Tensor:
    """Short-time spectra of `(..., time)`: `(..., window // 2 + 1, frame)`, scaled by 1 / sum."""
    return stft.centred(wave, window, hop) / window.sum()


def inverse(spectrum: Tensor, window: Tensor, hop: int, length: int) -> Tensor:
    """The `(..., time)` of `length` samples whose `transform` is nearest to `spectrum`."""
    rows = spectrum.reshape(-1, *spectrum.shape[-2:]) * window.sum()
    wave = torch.istft(rows, window.shape[0], hop, window=window, center=True)
    wave = torch.nn.functional.pad(wave, (0, max(0, length - wave.shape[-1])))[..., :length]
    return wave.reshape(*spectrum.shape[:-2], length)


def binary(source: Tensor, mix: Tensor, exponent: float, threshold: float = 0.5) -> Tensor:
    """1 where `|source|^exponent` is at least `threshold` of `|mix|^exponent`, else 0. Real."""
    share = source.abs() ** exponent / (EPSILON + mix.abs() ** exponent)
    return (share >= threshold).to(share.dtype)


def ratio(source: Tensor, total: Tensor) -> Tensor:
    """The share of a source's spectrogram in the sum of all, both real. Sums to 1 over sources."""
    return source / (EPSILON + total)


def phase_sensitive(source: Tensor, mix: Tensor) -> Tensor:
    """`|source| / |mix| cos(angle between them)`, cut to [0, 1]: the best real mask in there."""
    projected = (source * mix.conj()).real / (EPSILON + mix.abs() ** 2)
    return projected.clamp_(0.0, 1.0)
