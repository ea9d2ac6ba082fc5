"""Spectra of a whole signal, frames centred on multiples of the hop, and the way back.

Half a window of silence goes before and after the signal, so that any length has frames and no
sample lies at a window's edge alone, and `synthesise` divides by what the windows add up to:
`synthesise(analyse(x))` is `x` to rounding. Frames lie where `librosa.stft(pad_mode="constant")`
has them, and one more stands behind the end of a signal that is no multiple of the hop.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from unweave.signal.stft import envelope, groups, overlap_add, stft


def frame_size(window_s: float, sample_rate_hz: int, least: int = 16) -> int:
    """`window_s` in samples, to the nearest power of two."""
    return max(least, 2 ** max(0, round(math.log2(window_s * sample_rate_hz))))


def check_mix(mix: Tensor) -> None:
    """Raise ValueError unless `mix` is `(batch, channel, time)`: axes are never guessed."""
    if mix.ndim != 3:
        raise ValueError(f"mix must be (batch, channel, time), got shape {tuple(mix.shape)}")


WINDOWS = "hann", "sqrt-hann"
OVERLAPS = 2, 4, 8, 16  # each divides every frame of `frame_size`, a power of two, into hops


def hann(size: int, device: torch.device | str = "cpu", shape: str = "hann") -> Tensor:
    """A periodic Hann window `(size,)` float32, or its square root: one of WINDOWS."""
    window = torch.hann_window(size, device=device)
    return window.sqrt_() if shape == "sqrt-hann" else window


def frame_count(length: int, hop: int) -> int:
    """Frames of `length` samples: the last is centred on the last sample or behind it."""
    return 1 + -(-length // hop)


def analyse(wave: Tensor, size: int, hop: int, window: Tensor) -> Tensor:
    """Spectra of the frames centred on samples 0, hop, 2 hop ..., `frame_count` of them.

    wave: `(..., time)` float32; size: even, a multiple of the hop and at least twice it; window:
    `(size,)`. Returns complex `(..., size // 2 + 1 frequencies, frame)`, a view in whose memory
    the frequencies lie side by side. Raises ValueError for a size and a hop that do not fit.
    """
    _check(size, hop, window)
    return stft(padded(wave, size, hop), window, hop).transpose(-1, -2)


def padded(wave: Tensor, size: int, hop: int) -> Tensor:
    """`(..., time)` with the silence before and after it that its frames reach into."""
    length = wave.shape[-1]
    behind = (frame_count(length, hop) - 1) * hop + size // 2 - length
    return F.pad(wave, (size // 2, behind))


def framed(wave: Tensor, size: int, hop: int) -> Tensor:
    """The frames `(..., frame, size)` of a wave that `analyse` takes the spectra of, a view."""
    return padded(wave, size, hop).unfold(-1, size, hop)


def synthesise(
    spectrum: Tensor, size: int, hop: int, window: Tensor, length: int, mask: Tensor | None = None
) -> Tensor:
    """The wave `(..., length)` whose spectra come nearest to `spectrum * mask` (least squares).

    spectrum: `(..., frequency, frame)` as `analyse` gives it for `length` samples; mask: real, of
    the same shape, or None for 1. Raises ValueError where the frames are not those of `length`.
    """
    _check(size, hop, window)
    frames = spectrum.shape[-1]
    if frames != frame_count(length, hop):
        raise ValueError(f"{length} samples have {frame_count(length, hop)} frames, not {frames}")
    rows = spectrum.transpose(-1, -2)
    weights = None if mask is None else mask.transpose(-1, -2)
    parts = (
        (some, rows[..., some, :] * (1 if weights is None else weights[..., some, :]))
        for some in groups(frames)
    )
    summed = overlap_add(parts, frames, window, hop)
    _divide(summed.reshape(*summed.shape[:-1], -1, hop), window, hop, frames)
    return summed[..., size // 2 : size // 2 + length]


def _divide(steps: Tensor, window: Tensor, hop: int, frames: int) -> None:
    """Divide `(..., step, hop)`, in place, by the envelope; far from the ends its steps repeat."""
    parts = window.shape[0] // hop
    few = min(frames, parts)
    fade = envelope(window, hop, few).clamp_(min=torch.finfo(torch.float32).tiny).reshape(-1, hop)
    steps[..., :few, :].div_(fade[:few])
    steps[..., few:frames, :].div_(fade[few - 1])
    steps[..., frames:, :].div_(fade[few:])


def _check(size: int, hop: int, window: Tensor) -> None:
    if size % 2 or size % hop or size < 2 * hop or window.shape != (size,):
        raise ValueError(f"frames of {size} at a hop of {hop} with a window {tuple(window.shape)}")
