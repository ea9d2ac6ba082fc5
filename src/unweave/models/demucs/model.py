"""Demucs: a U-Net on waves with an LSTM at its bottom.

Défossez, Usunier, Bottou and Bach, "Music source separation in the waveform domain",
arXiv 1911.13254, 2019 (v1) and 2021 (v2). Encoder: strided convolution, ReLU, gated 1x1
convolution; decoder: the sum with the encoder's level, gated convolution over three steps,
transposed convolution. `V1` and `V2` are the published settings; v2 is narrower, works at twice the
sample rate, and takes the segment normalised.

`V3` has no LSTM at the bottom but residual branches in the encoder, the deeper ones with an LSTM
and local attention, GELU, and norms in the deeper levels: the models for waves alone of Défossez,
"Hybrid spectrogram and waveform source separation", arXiv 2111.03600, 2021.

Choices, each a setting:

- `normalise`: mean and deviation of the segment's mono mix are taken out before the network and put
  back into every stem. The original command took them from the whole track; a segment keeps memory
  flat and the answer independent of what else is in the file.
- `padded`: whether the decoder's convolutions fill up their ends with zeros (the package `demucs`
  from 3.0 on, for all its models) or shrink, the input being longer to make up for it (the package
  that came with the papers). Weights are the same; only the ends of a segment differ. What is not
  normalised is divided by 1.00001 in the latter.
- `fill`: whether what such a decoder takes from the ends is silence around the segment, or the
  segment's own: with real sound there (`margin` samples), as `apply_model` of that package gives
  it, `fill` is off, and the stems are silent at the ends.
- Random shifts at inference are not a setting: a separator gives the same answer twice.

Axes here: `(batch, channel, time)`, later time steps being `stride` of the earlier.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.models.layers.waveform import (
    Blstm,
    ResidualBranches,
    centre_cut,
    moments,
    rescale,
    widths,
)
from unweave.models.layers.weights import builder

EPSILON = 1e-5  # added to the deviation
ZEROS, ROLLOFF = 24, 0.945  # of the resampling filter: crossings on a side, share of the band


@dataclass(frozen=True, slots=True)
class DemucsConfig:
    """Everything that decides the shape; the defaults are v2's width. Raises ValueError."""

    stems: tuple[str, ...] = ("drums", "bass", "other", "vocals")
    channels: int = 2
    width: int = 64  # channels of the first level
    growth: float = 2  # from level to level
    depth: int = 6
    kernel: int = 8
    stride: int = 4
    context: int = 3  # steps that the decoder's gated convolution sees
    lstm_layers: int = 2  # 0: none
    gelu: bool = False  # in place of ReLU
    rewrite: bool = True  # the gated convolutions
    branches: int = 0  # residual ones in a level of the encoder
    compress: int = 4  # how much narrower they are
    branch_start: float = 1e-4  # how strong they start
    lstm_from: int = 4  # the first level whose residual branches have an LSTM, counting from 0
    attention_from: int = 4  # the first one with attention
    norm_from: int = 99  # the first level that is normalised
    norm_groups: int = 4
    resample: bool = True  # work at twice the rate
    normalise: bool = True
    padded: bool = True
    fill: bool = True  # with silence, for what convolutions that are not padded take from the ends

    def __post_init__(self) -> None:
        if self.context % 2 == 0:
            raise ValueError(f"context is odd, so that both sides are alike, got {self.context}")
        if not 1 <= self.stride <= self.kernel:
            raise ValueError(f"stride is 1 to kernel ({self.kernel}), got {self.stride}")
        if self.depth < 1:
            raise ValueError(f"depth counts levels, at least 1, got {self.depth}")


V1: Mapping[str, Any] = {"width": 100, "resample": False, "normalise": False, "padded": False}
V2: Mapping[str, Any] = {"width": 64, "padded": False}
V3: Mapping[str, Any] = {"lstm_layers": 0, "gelu": True, "branches": 2, "norm_from": 4}


class Down(nn.Module):
    """One level of the encoder."""

    def __init__(self, config: DemucsConfig, level: int, inner: int, outer: int) -> None:
        super().__init__()
        self.activation = F.gelu if config.gelu else F.relu
        self.conv = nn.Conv1d(inner, outer, config.kernel, config.stride)
        self.norm1 = norm(config, level, outer)
        self.residual = ResidualBranches(
            outer,
            count=config.branches,
            compress=config.compress,
            lstm=level >= config.lstm_from,
            attention=level >= config.attention_from,
            start=config.branch_start,
        )
        self.rewrite = nn.Conv1d(outer, 2 * outer, 1) if config.rewrite else None
        self.norm2 = norm(config, level, 2 * outer) if config.rewrite else None

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inner, time)` to `(batch, outer, (time - kernel) / stride + 1)`."""
        x = self.residual(self.activation(self.norm1(self.conv(x))))
        return gated(x, self.rewrite, self.norm2)


class Up(nn.Module):
    """One level of the decoder."""

    def __init__(self, config: DemucsConfig, level: int, outer: int, inner: int) -> None:
        super().__init__()
        self.last = level == 0
        self.activation = F.gelu if config.gelu else F.relu
        around = config.context // 2 if config.padded else 0
        wide = nn.Conv1d(outer, 2 * outer, config.context, padding=around)
        self.rewrite = wide if config.rewrite else None
        self.norm1 = norm(config, level, 2 * outer) if config.rewrite else None
        self.deconv = nn.ConvTranspose1d(outer, inner, config.kernel, config.stride)
        self.norm2 = nn.Identity() if self.last else norm(config, level, inner)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, outer, step)` to `(batch, inner, (step - 1) * stride + kernel)`."""
        x = self.norm2(self.deconv(gated(x, self.rewrite, self.norm1)))
        return x if self.last else self.activation(x)


def gated(x: Tensor, wide: nn.Module | None, norm: nn.Module | None) -> Tensor:
    """A gated convolution, `x` itself where a level has none."""
    return x if wide is None or norm is None else F.glu(norm(wide(x)), dim=1)


class Demucs(nn.Module):
    """Waves to stems. Segments of any length; both ends are filled up with silence alike."""

    def __init__(self, config: DemucsConfig) -> None:
        super().__init__()
        self.config = config
        width = widths(config.width, config.growth, config.depth)
        ins = [config.channels, *width[:-1]]
        outs = [len(config.stems) * config.channels, *width[:-1]]
        levels = range(config.depth)
        self.encoder = nn.ModuleList(Down(config, n, ins[n], width[n]) for n in levels)
        self.lstm = Blstm(width[-1], config.lstm_layers) if config.lstm_layers else nn.Identity()
        self.decoder = nn.ModuleList(Up(config, n, width[n], outs[n]) for n in reversed(levels))
        rescale(self)

    def valid_length(self, length: int) -> int:
        """The samples, at least `length`, at which every convolution meets its input's end."""
        config = self.config
        length *= 2 if config.resample else 1
        for _ in range(config.depth):
            length = max(1, math.ceil((length - config.kernel) / config.stride) + 1)
            length += 0 if config.padded else config.context - 1
        for _ in range(config.depth):
            length = (length - 1) * config.stride + config.kernel
        return math.ceil(length / 2) if config.resample else length

    @property
    def margin(self) -> int:
        """The samples that convolutions which are not padded take from both ends together."""
        config = self.config
        steps = 0 if config.padded else config.context - 1
        samples = steps * sum(config.stride**n for n in range(1, config.depth + 1))
        return samples // 2 if config.resample else samples

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, channel, time)` to `(batch, stem, channel, time)`."""
        if not self.config.normalise:
            return self.separate(mix if self.config.padded else mix / (1 + EPSILON))
        mean, deviation = moments(mix.mean(1, keepdim=True), (2,))  # (batch, 1, 1) each
        stems = self.separate((mix - mean) / (EPSILON + deviation))
        return stems * deviation[:, None] + mean[:, None]

    def separate(self, mix: Tensor) -> Tensor:
        length, names = mix.shape[-1], self.config.stems
        margin = 0 if self.config.fill else min(self.margin, length - 1)
        extra = self.valid_length(length - margin) - length
        x = F.pad(mix, (extra // 2, extra - extra // 2))
        if self.config.resample:
            x = resample(x, 1, 2)
        levels = []
        for down in self.encoder:
            x = down(x)  # (batch, width * growth^n, step)
            levels.append(x)
        x = self.lstm(x)
        for up in self.decoder:
            x = up(x + centre_cut(levels.pop(), x.shape[-1]))
        if self.config.resample:
            x = resample(x, 2, 1)
        x = F.pad(centre_cut(x, length - margin), (margin // 2, margin - margin // 2))
        return x.unflatten(1, (len(names), -1))  # channels lie within stems


def norm(config: DemucsConfig, level: int, width: int) -> nn.Module:
    return nn.GroupNorm(config.norm_groups, width) if level >= config.norm_from else nn.Identity()


def resample(x: Tensor, old: int, new: int) -> Tensor:
    """`(batch, channel, time)` to `time * new // old`: a windowed sinc, the end values held.

    As `julius.resample_frac`; one filter for each of `new` phases.
    """
    rate = ROLLOFF * min(old, new)
    around = math.ceil(ZEROS * old / rate)
    at = torch.arange(-around, around + old, dtype=torch.float64, device="cpu") / old
    phase = torch.arange(new, dtype=torch.float64, device="cpu") / new
    crossing = ((at - phase[:, None]) * rate).clamp(-ZEROS, ZEROS)  # (phase, tap)
    filters = crossing.sinc() * (crossing * (math.pi / (2 * ZEROS))).cos().square()
    filters = (filters / filters.sum(1, keepdim=True)).to(x)
    batch, channels, time = x.shape
    x = F.pad(x.reshape(-1, 1, time), (around, around + old), mode="replicate")
    y = F.conv1d(x, filters[:, None], stride=old)  # (batch * channel, phase, step)
    return y.transpose(1, 2).reshape(batch, channels, -1)[..., : time * new // old]


NETWORK = (DemucsConfig, Demucs)
build = builder(DemucsConfig, Demucs)
BYTES_PER_SAMPLE = 1220.0  # working memory of v2's size: benchmarks/networks/memory.py
