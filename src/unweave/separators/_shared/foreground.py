"""What techniques share that tell a voice from the music behind it by a mask on the spectrogram.

A technique finds a mask for the foreground; here are the transform around it, the high-pass that
gives low frequencies to the background, and the two stems, which sum to the mix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unweave.signal import centred
from unweave.signal.stft import magnitude

FACTS: dict[str, Any] = {  # of every such technique's Spec
    "stems": ("vocals", "accompaniment"),
    "complement": "accompaniment",
    "additive": True,
    "scale_equivariant": True,
}
TINY = torch.finfo(torch.float32).tiny


@dataclass(frozen=True, slots=True)
class Grid:
    """Where frames lie at one sample rate, and their window."""

    size: int
    hop: int
    sample_rate_hz: int
    window: str = "hann"  # one of centred.WINDOWS

    @staticmethod
    def of(window_s: float, overlap: int, sample_rate_hz: int, window: str) -> Grid:
        """Frames of about `window_s`, `overlap` of them (a power of two) over each sample."""
        size = centred.frame_size(window_s, sample_rate_hz)
        return Grid(size, size // overlap, sample_rate_hz, window)

    def frames(self, seconds: float) -> int:
        """The nearest number of hops."""
        return round(seconds * self.sample_rate_hz / self.hop)

    def bins(self, frequency_hz: float) -> int:
        """The nearest bin, not above half the sample rate."""
        return min(self.size // 2, round(frequency_hz * self.size / self.sample_rate_hz))


def separate(
    mix: Tensor, grid: Grid, high_pass_hz: float, mask_of: Callable[[Tensor], Tensor]
) -> Tensor:
    """Foreground and background `(batch, 2, channel, time)` of `(batch, channel, time)`.

    mask_of: makes the foreground's mask, in [0, 1], of the magnitudes `(channel, frequency, frame)`
    of one signal, which it may overwrite. Bins below `high_pass_hz` are background.
    """
    centred.check_mix(mix)
    window = centred.hann(grid.size, mix.device, grid.window)
    spectrum = centred.analyse(mix, grid.size, grid.hop, window)
    below = grid.bins(high_pass_hz)
    stems = []
    for one, wave in zip(spectrum, mix, strict=True):
        mask = mask_of(magnitude(one))
        mask[:, :below] = 0.0
        front = centred.synthesise(one, grid.size, grid.hop, window, wave.shape[-1], mask)
        stems.append(torch.stack([front, wave - front]))
    return torch.stack(stems)


def excess(magnitudes: Tensor, background: Tensor) -> Tensor:
    """The share of `magnitudes` that is above `background`, in [0, 1]; 0 where there is silence."""
    return (magnitudes - background).clamp_(min=0.0).div_(magnitudes + TINY)
