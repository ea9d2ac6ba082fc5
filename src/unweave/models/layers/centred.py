"""Spectra of frames that lie around multiples of the hop, as real channels, and waves of them.

They are those that `torch.stft` makes by default, with mirrored ends. Networks whose authors
took it as it is need them so. `layers/spectra.py` has frames between the hops, `layers/masks.py`
frames with silence beyond the ends. Differentiable.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from unweave.models.layers.spectra import mirrored


@dataclass(frozen=True, slots=True)
class Centred:
    """Frames of `size` samples, `hop` apart."""

    size: int
    hop: int
    hann: bool = True  # window; else there is none, a rectangle
    normalised: bool = False  # spectra are divided by the root of `size`

    @property
    def bins(self) -> int:
        return self.size // 2 + 1

    def analyse(self, mix: Tensor) -> Tensor:
        """`(batch, channel, time)` to `(batch, channel * 2, bin, frame)`, of `1 + time // hop`
        frames. Real and imaginary parts are channels, one behind the other."""
        padded = mirrored(mix, self.size // 2, self.size // 2)
        spectrum = torch.stft(
            padded.flatten(0, 1),
            self.size,
            self.hop,
            window=self._window(mix),
            center=False,
            normalized=self.normalised,
            return_complex=True,
        )  # (batch * channel, bin, frame)
        parts = torch.view_as_real(spectrum).permute(0, 3, 1, 2)  # (batch * channel, 2, bin, frame)
        return parts.reshape(mix.shape[0], -1, *parts.shape[2:])

    def synthesise(self, parts: Tensor) -> Tensor:
        """`(batch, 2 * any, bin, frame)` to `(batch, any, (frame - 1) * hop)`; bins that lack at
        the top are zero."""
        parts = F.pad(parts.float(), (0, 0, 0, self.bins - parts.shape[2]))
        pairs = parts.unflatten(1, (-1, 2)).permute(0, 1, 3, 4, 2)  # (batch, any, bin, frame, 2)
        waves = torch.istft(
            torch.view_as_complex(pairs.contiguous()).flatten(0, 1),
            self.size,
            self.hop,
            window=self._window(parts),
            normalized=self.normalised,
        )
        return waves.unflatten(0, (parts.shape[0], -1))

    def _window(self, like: Tensor) -> Tensor:
        if self.hann:
            return torch.hann_window(self.size, device=like.device)
        return torch.ones(self.size, device=like.device)
