"""Short-time Fourier transform and its inverse, frame by frame, without hidden padding.

`torch.stft` and `torch.istft` decide about centring and about dividing by the window's envelope;
a separator that is cut into segments has to decide both itself. Here a signal of
`(frames - 1) * hop + size` samples gives exactly `frames` frames, and `overlap_add` of the
windowed frames gives that many samples back, multiplied by `envelope`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

FRAMES_AT_ONCE = 32  # of the inverse: they stay in the cache until they are added up


def frames_to_samples(frames: int, size: int, hop: int) -> int:
    """Samples that `frames` frames of `size` samples, `hop` apart, cover."""
    return (frames - 1) * hop + size


def stft(wave: Tensor, window: Tensor, hop: int) -> Tensor:
    """Spectra of all whole frames of a real wave.

    wave: `(..., time)`; window: `(size,)`. Returns complex `(..., frame, size // 2 + 1)`.
    """
    size = window.shape[0]
    flat = wave.reshape(-1, wave.shape[-1])
    spectrum = torch.stft(flat, size, hop, window=window, center=False, return_complex=True)
    return spectrum.transpose(-1, -2).reshape(*wave.shape[:-1], -1, size // 2 + 1)


def overlap_add(spectrum: Tensor, window: Tensor, hop: int) -> Tensor:
    """Windowed frames of the inverse transform, summed where they overlap.

    spectrum: `(..., frame, size // 2 + 1)`; the size must be a multiple of the hop.
    Returns `(..., frames_to_samples(frame, size, hop))`.
    """
    size = window.shape[0]
    if size % hop:
        raise ValueError(f"window of {size} samples is no multiple of the hop {hop}")
    lead, count, parts = spectrum.shape[:-2], spectrum.shape[-2], size // hop
    out = torch.zeros(*lead, count + parts - 1, hop, dtype=window.dtype, device=window.device)
    for first in range(0, count, FRAMES_AT_ONCE):
        some = spectrum[..., first : first + FRAMES_AT_ONCE, :]
        frames = torch.fft.irfft(some, n=size).mul_(window).reshape(*lead, -1, parts, hop)
        for part in range(parts):
            begin = first + part
            out[..., begin : begin + frames.shape[-3], :] += frames[..., part, :]
    return out.reshape(*lead, (count + parts - 1) * hop)


def envelope(window: Tensor, hop: int, frames: int) -> Tensor:
    """What `overlap_add(stft(x))` multiplies `x` by: `(frames_to_samples(...),)` float32."""
    parts, squared = window.shape[0] // hop, window.double().square().reshape(-1, hop)
    out = squared.new_zeros(frames + parts - 1, hop)
    for part in range(parts):
        out[part : part + frames] += squared[part]
    return out.reshape(-1).float()


def magnitude(spectrum: Tensor) -> Tensor:
    """`|spectrum|`. On a CPU numpy's vectorised kernel does it eight times as fast as torch's."""
    if spectrum.device.type == "cpu" and not spectrum.requires_grad:
        return torch.from_numpy(np.abs(spectrum.numpy()))
    return spectrum.abs()
