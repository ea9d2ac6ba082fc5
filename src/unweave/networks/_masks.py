"""What networks on spectra share: the transform, masks on the mix's spectrum, the way back.

The sine window (the root of a Hann window) before and after the spectrum, as Huang et al. have it;
frame n is centred on sample `n * hop`, with silence beyond the segment's ends.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MaskNetwork(nn.Module):
    """Waves to stems by way of spectra; a subclass has `estimate`.

    Axes: waves `(batch, channel, time)`, spectra `(batch, channel, frame, bin)` with
    `frame_size // 2 + 1` bins and `time // hop + 1` frames, a stem axis after the batch.
    """

    additive = True  # masks sum to one
    window: Tensor

    def __init__(self, frame_size: int, hop: int) -> None:
        super().__init__()
        if frame_size % 2 or not 1 <= hop < frame_size:
            raise ValueError(
                f"frame_size is even and hop 1 to frame_size - 1, got {frame_size} and {hop}"
            )
        self.frame_size, self.hop = frame_size, hop
        self.register_buffer("window", _sine_window(frame_size), persistent=False)

    def analyse(self, waves: Tensor) -> Tensor:
        """Spectra: `(..., time)` to complex `(..., frame, bin)`."""
        spectra = torch.stft(
            waves.reshape(-1, waves.shape[-1]),
            self.frame_size,
            self.hop,
            window=self.window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )  # (all, bin, frame)
        return spectra.transpose(1, 2).unflatten(0, waves.shape[:-1])

    def synthesise(self, spectra: Tensor, length: int) -> Tensor:
        """Waves: complex `(..., frame, bin)` to `(..., length)`."""
        lead = spectra.shape[:-2]
        waves = torch.istft(
            spectra.flatten(0, -3).transpose(1, 2),
            self.frame_size,
            self.hop,
            window=self.window,
            center=True,
            length=length,
        )
        return waves.unflatten(0, lead)

    def estimate(self, spectrum: Tensor) -> Tensor:
        """The mix's `(batch, channel, frame, bin)` to `(batch, stem, channel, frame, bin)`."""
        raise NotImplementedError

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, channel, time)` to `(batch, stem, channel, time)`."""
        return self.synthesise(self.estimate(self.analyse(mix)), mix.shape[-1])

    def prepare_for_cpu(self) -> None:
        """Nothing to rearrange."""


def _sine_window(size: int) -> Tensor:
    # Never on the meta device, where networks are put together: a window is not loaded.
    return torch.hann_window(size, periodic=True, device="cpu").sqrt()
