"""The U-Net of one stem, as published (Prétet et al., ICASSP 2019): magnitudes to mask logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.signal import stft

Activation = Literal["relu", "leaky_relu", "elu"]


@dataclass(frozen=True, slots=True)
class SpleeterConfig:
    """Everything that decides the shape of the network; the defaults are the published 2 stems."""

    stems: tuple[str, ...] = ("vocals", "accompaniment")
    channels: int = 2
    filters: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    frames: int = 512  # that share one segment
    bins: int = 1024  # that the network sees
    frame_size: int = 4096
    hop: int = 1024
    encoder_activation: Activation = "leaky_relu"
    decoder_activation: Activation = "relu"
    softmax: bool = False  # masks that compete across stems (the published 5 stems)

    @property
    def segment(self) -> int:
        """Samples that one segment covers."""
        return stft.frames_to_samples(self.frames, self.frame_size, self.hop)


def activate(x: Tensor, name: Activation) -> Tensor:
    """The named activation, in place."""
    if name == "relu":
        return F.relu_(x)
    return F.leaky_relu_(x, 0.2) if name == "leaky_relu" else F.elu_(x)


class Norm(nn.Module):
    """Batch normalisation with the statistics of training, as one multiply-add (epsilon 1e-3)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("var", torch.ones(features))

    def affine(self) -> tuple[Tensor, Tensor]:
        """Scale and shift, `(feature, 1, 1)` each."""
        scale = self.weight / torch.sqrt(self.var + 1e-3)
        return scale[:, None, None], (self.bias - scale * self.mean)[:, None, None]

    def forward(self, x: Tensor) -> Tensor:
        scale, shift = self.affine()
        return torch.addcmul(shift, x, scale)


class Level(nn.Module):
    """One convolution and its normalisation."""

    def __init__(self, conv: nn.Module, features: int) -> None:
        super().__init__()
        self.conv = conv
        self.norm = Norm(features)


class UNet(nn.Module):
    """The network of one stem: magnitudes to mask logits, same shape."""

    def __init__(self, config: SpleeterConfig) -> None:
        super().__init__()
        self.config = config
        down = (config.channels, *config.filters)
        for n in range(1, 7):
            conv = nn.Conv2d(down[n - 1], down[n], 5, stride=2)
            self.add_module(f"down{n}", Level(conv, down[n]))
        out = (*config.filters[-2::-1], 1)
        for n in range(1, 7):
            features = config.filters[-1] if n == 1 else 2 * out[n - 2]
            transposed = nn.ConvTranspose2d(features, out[n - 1], 5, stride=2)
            self.add_module(f"up{n}", Level(transposed, out[n - 1]))
        self.up7 = nn.Module()
        self.up7.conv = nn.Conv2d(1, config.channels, 4, dilation=2, padding=3)

    def forward(self, magnitudes: Tensor) -> Tensor:
        """`(batch, channel, frame, bin)` to logits of the same shape."""
        x, skips = magnitudes, []
        for n in range(1, 7):
            level = self.get_submodule(f"down{n}")
            raw = level.conv(F.pad(x, (1, 2, 1, 2)))  # (batch, filters[n], frame / 2^n, bin / 2^n)
            skips.append(raw)
            x = activate(level.norm(raw), self.config.encoder_activation)
        x = skips.pop()
        for n in range(1, 7):
            level = self.get_submodule(f"up{n}")
            x = level.conv(x)[..., 1:-2, 1:-2]  # twice the frames and bins
            x = level.norm(activate(x, self.config.decoder_activation))
            if skips:
                x = torch.cat([skips.pop(), x], dim=1)
        return self.up7.conv(x)
