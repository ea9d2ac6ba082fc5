"""Short-time Fourier transform and its inverse, frame by frame, without hidden padding.

`torch.stft` and `torch.istft` decide about centring and about dividing by the window's envelope;
a separator that is cut into segments has to decide both itself. Here a signal of
`(frames - 1) * hop + size` samples gives exactly `frames` frames, and `overlap_add` of the
windowed frames gives that many samples back, multiplied by `envelope`.

Both work on groups of frames that stay in the cache from one operation to the next, and so may
what is done to a spectrum before it is inverted. `centred` and `add_frames` take any hop and pass a
gradient, as training needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

FRAMES_AT_ONCE = 64

Group = tuple[slice, Tensor]
"""Which frames, and their spectra `(..., frame, frequency)`."""


def frames_to_samples(frames: int, size: int, hop: int) -> int:
    """Samples that `frames` frames of `size` samples, `hop` apart, cover."""
    return (frames - 1) * hop + size


def stft(wave: Tensor, window: Tensor, hop: int) -> Tensor:
    """Spectra of all whole frames of a real wave.

    wave: `(..., time)`; window: `(size,)`. Returns complex `(..., frame, size // 2 + 1)`.
    """
    frames = wave.unfold(-1, window.shape[0], hop)  # a view: (..., frame, size)
    shape = (*frames.shape[:-1], window.shape[0] // 2 + 1)
    spectrum = torch.empty(shape, dtype=torch.complex64, device=wave.device)
    for some in groups(frames.shape[-2]):
        torch.fft.rfft(frames[..., some, :] * window, out=spectrum[..., some, :])
    return spectrum


def overlap_add(parts: Iterable[Group], frames: int, window: Tensor, hop: int) -> Tensor:
    """Windowed frames of the inverse transform, summed where they overlap.

    parts: `frames` frames in groups, each complex `(..., frame, size // 2 + 1)`; the size must be a
    multiple of the hop. Returns `(..., frames_to_samples(frames, size, hop))`.
    """
    size = window.shape[0]
    if size % hop:
        raise ValueError(f"window of {size} samples is no multiple of the hop {hop}")
    out: Tensor | None = None
    for some, part in parts:
        lead = part.shape[:-2]
        pieces = torch.fft.irfft(part, n=size).mul_(window).reshape(*lead, -1, size // hop, hop)
        if out is None:
            out = pieces.new_zeros(*lead, frames + size // hop - 1, hop)
        for n in range(size // hop):
            out[..., some.start + n : some.stop + n, :] += pieces[..., n, :]
    if out is None:
        raise ValueError("no frames to add up")
    return out.reshape(*out.shape[:-2], -1)


def centred(wave: Tensor, window: Tensor, hop: int) -> Tensor:
    """Spectra of the frames around samples 0, hop, 2 hop ...; silence lies beyond the ends.

    wave: `(..., time)`, at the end of which silence is added until the last sample has all its
    frames, as in `scipy.signal.stft`. Returns complex `(..., size // 2 + 1, frame)`.
    """
    whole = F.pad(wave, (0, -wave.shape[-1] % hop))
    found = torch.stft(
        whole.reshape(-1, whole.shape[-1]),
        window.shape[0],
        hop,
        window=window,
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    return found.reshape(*wave.shape[:-1], *found.shape[-2:])


def add_frames(frames: Tensor, hop: int) -> Tensor:
    """`(..., frame, size)`, `hop` apart, summed: `(..., frames_to_samples(frame, size, hop))`."""
    lead, (count, size) = frames.shape[:-2], frames.shape[-2:]
    total = frames_to_samples(count, size, hop)
    if size % hop == 0:  # the same sums in the same order as below, without gathering
        parts = frames.unflatten(-1, (-1, hop))
        waves = frames.new_zeros(*lead, total // hop, hop)
        for n in range(size // hop):
            waves[..., n : n + count, :] += parts[..., n, :]
        return waves.flatten(-2)
    columns = frames.reshape(-1, count, size).transpose(1, 2)
    return F.fold(columns, (1, total), (1, size), stride=(1, hop)).reshape(*lead, total)


def groups(count: int, at_once: int = FRAMES_AT_ONCE) -> Iterator[slice]:
    """`count` frames, or whatever else, some at a time."""
    for first in range(0, count, at_once):
        yield slice(first, min(first + at_once, count))


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
