"""Magnitudes of short-time spectra, a stretch of time at once, as `torch.stft` has them.

Frames are centred on multiples of the hop, the first on the first sample. Nothing as long as the
signal is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

AT_ONCE = 128  # frames

Prepare = Callable[[Tensor, int, int], Tensor]
"""The samples from one place to another of a signal `(channel, time)`, in float64."""


def magnitudes(
    signal: Tensor,
    window: Tensor,
    hop: int,
    *,
    mirrored: bool = True,
    samples: Prepare | None = None,
) -> Iterator[Tensor]:
    """Groups of frames, `(channel, frequency, frame)` in float64.

    signal: `(channel, time)`. window: `(size,)`. mirrored: beyond both ends the signal goes on
    mirrored, which takes more than half of a frame of it; else as silence. samples: gives stretches
    of the signal in place of its own samples.
    """
    size, length = window.shape[0], signal.shape[-1]
    samples = samples or plain
    half = size // 2
    for first in range(0, 1 + length // hop, AT_ONCE):
        last = min(first + AT_ONCE, 1 + length // hop)
        begin, end = first * hop - half, (last - 1) * hop + half + size % 2
        at = torch.arange(begin, end)
        if mirrored:
            at = at.abs()
            at = torch.where(at >= length, 2 * (length - 1) - at, at)
        inside = (at >= 0) & (at < length)
        low, high = int(at[inside].min()), int(at[inside].max()) + 1
        part = samples(signal, low, high)[:, (at - low).clamp(0, high - low - 1)] * inside
        frames = part.unfold(-1, size, hop) * window
        yield torch.fft.rfft(frames).abs().transpose(1, 2)


def plain(signal: Tensor, first: int, last: int) -> Tensor:
    """The samples as they are."""
    return signal[:, first:last].double()
