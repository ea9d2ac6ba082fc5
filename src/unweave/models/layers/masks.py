"""What networks on spectra share: the transform, masks on the mix's spectrum, the way back.

The sine window (the root of a Hann window) before and after the spectrum, as Huang et al. have it;
frame n is centred on sample `n * hop`, with silence beyond the segment's ends.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from unweave.signal import stft

SILENCE = 1e-8  # power of a frame that does not count, and the least level


class Transform:
    """Waves to spectra with `frame_size // 2 + 1` bins and `ceil(time / hop) + 1` frames, and back.

    Differentiable. Raises ValueError for sizes that cannot be.
    """

    def __init__(self, frame_size: int, hop: int) -> None:
        if frame_size % 2 or not 1 <= hop < frame_size:
            raise ValueError(
                f"frame_size is even and hop 1 to frame_size - 1, got {frame_size} and {hop}"
            )
        self.frame_size, self.hop = frame_size, hop

    def window(self, device: torch.device) -> Tensor:
        # Made when needed: on the meta device, where networks are put together, it would be empty.
        return torch.hann_window(self.frame_size, device=device).sqrt()

    def analyse(self, waves: Tensor) -> Tensor:
        """Spectra: `(..., time)` to complex `(..., frame, bin)`."""
        return stft.centred(waves, self.window(waves.device), self.hop).transpose(-1, -2)

    def synthesise(self, spectra: Tensor, length: int) -> Tensor:
        """Waves: complex `(..., frame, bin)` to `(..., length)`."""
        frames, window = spectra.shape[-2], self.window(spectra.device)
        waves = stft.add_frames(torch.fft.irfft(spectra, n=self.frame_size) * window, self.hop)
        total = stft.add_frames(window.square().expand(frames, -1), self.hop)
        inner = slice(self.frame_size // 2, self.frame_size // 2 + length)
        return waves[..., inner] / total[inner]


class MaskNetwork(Protocol):
    """What a network on spectra has, besides being an `nn.Module`."""

    transform: Transform

    def estimate(self, spectrum: Tensor) -> Tensor:
        """The mix's `(batch, channel, frame, bin)` to `(batch, stem, channel, frame, bin)`."""
        ...


def separate(network: MaskNetwork, mix: Tensor) -> Tensor:
    """Stems `(batch, stem, channel, time)` of a mix `(batch, channel, time)`."""
    transform = network.transform
    return transform.synthesise(network.estimate(transform.analyse(mix)), mix.shape[-1])


def check_exponent(exponent: float) -> None:
    """Raises ValueError for a power of magnitudes that means nothing."""
    if not 0 < exponent <= 2:
        raise ValueError(f"exponent is above 0 and at most 2, got {exponent}")


def level(spectrum: Tensor) -> Tensor:
    """Of each signal the RMS over its frames, `(batch, 1, 1, 1)`; silent frames do not count, for a
    segment may be filled up with them. Divided by it, what a network sees is as loud as ever."""
    power = (spectrum.real.square() + spectrum.imag.square()).mean(dim=(1, 3), keepdim=True)
    active = (power > SILENCE).sum(dim=2, keepdim=True).clamp(min=1)
    return (power.sum(dim=2, keepdim=True) / active).sqrt() + SILENCE
