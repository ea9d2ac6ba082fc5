"""Conv-TasNet: masks on a learned filter bank, estimated by dilated convolutions over time.

Luo and Mesgarani, "Conv-TasNet: surpassing ideal time-frequency magnitude masking for speech
separation", IEEE/ACM TASLP 27(8), 2019. The defaults are the music configuration of Défossez,
Usunier, Bottou and Bach, "Music source separation in the waveform domain", 2019: stereo, four
stems, no skip paths, no biases, masks that may exceed one. `SPEECH` is the form of asteroid: mono,
biases and skip paths, masks below one.

With skip paths the last block's `residual` convolution has no effect, as published; it is there
because published weights have it.

Axes here: waves `(batch, channel, time)`; features `(batch, filter, frame)`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from unweave.models.layers.weights import builder

EPSILON = 1e-8  # the original's, in all normalisations


@dataclass(frozen=True, slots=True)
class ConvTasNetConfig:
    """Everything that decides the shape; letters are the paper's. Raises ValueError."""

    stems: tuple[str, ...] = ("drums", "bass", "other", "vocals")
    channels: int = 2
    filters: int = 256  # N, of the learned filter bank
    kernel: int = 20  # L, samples of one filter
    hop: int = 10  # samples from frame to frame
    bottleneck: int = 256  # B, width between blocks
    hidden: int = 512  # H, width in a block
    taps: int = 3  # P, of a block's convolution over time
    blocks: int = 10  # X, dilations 1, 2, 4, ... in one repeat
    repeats: int = 4  # R
    skip: int = 0  # Sc, width of the skip paths; 0: the masks come from the blocks' own output
    bias: bool = False
    rectified: bool = True  # features are positive
    input_norm: Literal["channel", "global"] = "channel"  # over filters, or over frames too
    mask_prelu: bool = False  # before the masks' convolution
    mask: Literal["relu", "sigmoid", "softmax"] = "relu"
    fill: bool = True  # the end with silence to a whole frame; else it is left out, as published

    def __post_init__(self) -> None:
        if self.taps % 2 == 0:
            raise ValueError(f"taps is odd, so that a block keeps its frames, got {self.taps}")
        if not 1 <= self.hop <= self.kernel:
            raise ValueError(f"hop is 1 to kernel ({self.kernel}), got {self.hop}")


SPEECH: Mapping[str, Any] = {
    "channels": 1,
    "filters": 512,
    "kernel": 16,
    "hop": 8,
    "bottleneck": 128,
    "blocks": 8,
    "repeats": 3,
    "skip": 128,
    "bias": True,
    "rectified": False,
    "input_norm": "global",
    "mask_prelu": True,
    "mask": "sigmoid",
}
"""asteroid's defaults; 8 kHz, the stems being speakers."""


class ChannelNorm(nn.LayerNorm):
    """Normalisation over the filters of each frame by itself."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


def global_norm(width: int) -> nn.GroupNorm:
    """Normalisation over all filters and frames of one signal."""
    return nn.GroupNorm(1, width, eps=EPSILON)


class Block(nn.Module):
    """Widen, look around in time with each filter by itself, and narrow again."""

    def __init__(self, config: ConvTasNetConfig, dilation: int) -> None:
        super().__init__()
        hidden, bias = config.hidden, config.bias
        around = (config.taps - 1) // 2 * dilation
        self.expand = nn.Conv1d(config.bottleneck, hidden, 1, bias=bias)
        self.prelu1 = nn.PReLU()
        self.norm1 = global_norm(hidden)
        self.depthwise = nn.Conv1d(
            hidden, hidden, config.taps, dilation=dilation, padding=around, groups=hidden, bias=bias
        )
        self.prelu2 = nn.PReLU()
        self.norm2 = global_norm(hidden)
        self.residual = nn.Conv1d(hidden, config.bottleneck, 1, bias=bias)
        self.skip = nn.Conv1d(hidden, config.skip, 1, bias=bias) if config.skip else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`(batch, bottleneck, frame)` to that of the next block and what leaves for the masks."""
        y = self.norm1(self.prelu1(self.expand(x)))  # (batch, hidden, frame)
        y = self.norm2(self.prelu2(self.depthwise(y)))
        x = x + self.residual(y)
        return x, x if self.skip is None else self.skip(y)


class ConvTasNet(nn.Module):
    """Waves to stems. Segments of any length."""

    def __init__(self, config: ConvTasNetConfig) -> None:
        super().__init__()
        self.config = config
        filters, stems, bias = config.filters, len(config.stems), config.bias
        self.encoder = nn.Conv1d(config.channels, filters, config.kernel, config.hop, bias=False)
        by_channel = config.input_norm == "channel"
        self.norm = ChannelNorm(filters, eps=EPSILON) if by_channel else global_norm(filters)
        self.bottleneck = nn.Conv1d(filters, config.bottleneck, 1, bias=bias)
        dilations = [2**n for _ in range(config.repeats) for n in range(config.blocks)]
        self.blocks = nn.ModuleList(Block(config, dilation) for dilation in dilations)
        self.prelu = nn.PReLU() if config.mask_prelu else nn.Identity()
        self.masks = nn.Conv1d(config.skip or config.bottleneck, stems * filters, 1, bias=bias)
        self.decoder = nn.ConvTranspose1d(
            filters, config.channels, config.kernel, config.hop, bias=False
        )
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_normal_(parameter)

    def valid_length(self, length: int) -> int:
        """The samples of whole frames that cover `length`."""
        kernel, hop = self.config.kernel, self.config.hop
        return kernel + math.ceil(max(0, length - kernel) / hop) * hop

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, channel, time)` to `(batch, stem, channel, time)`."""
        length, stems = mix.shape[-1], len(self.config.stems)
        whole = self.valid_length(length)
        if not self.config.fill and whole > length > self.config.kernel:
            whole -= self.config.hop
        features = self.encoder(F.pad(mix, (0, whole - length)))
        if self.config.rectified:
            features = F.relu(features)  # (batch, filter, frame)
        masked = self.estimate(features) * features[:, None]  # (batch, stem, filter, frame)
        waves = self.decoder(masked.flatten(0, 1))  # (batch * stem, channel, valid time)
        return F.pad(waves, (0, length - whole)).unflatten(0, (-1, stems))

    def estimate(self, features: Tensor) -> Tensor:
        """Masks `(batch, stem, filter, frame)`."""
        x = self.bottleneck(self.norm(features))  # (batch, bottleneck, frame)
        total: Tensor | None = None
        for block in self.blocks:
            x, out = block(x)
            if self.config.skip:
                total = out if total is None else total + out  # (batch, skip, frame)
        scores = self.masks(self.prelu(x if total is None else total))
        scores = scores.unflatten(1, (len(self.config.stems), -1))  # (batch, stem, filter, frame)
        if self.config.mask == "softmax":
            return scores.softmax(dim=1)
        return F.relu(scores) if self.config.mask == "relu" else scores.sigmoid()


NETWORK = (ConvTasNetConfig, ConvTasNet)
build = builder(ConvTasNetConfig, ConvTasNet)
# Working memory of the music configuration: benchmarks/networks/memory.py.
BYTES_PER_SAMPLE = 1550.0
