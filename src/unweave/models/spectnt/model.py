"""SpecTNT for separation: attention over the bins of a frame, and over the frames of a signal.

Lu, Wang, Won, Choi and Song, "SpecTNT: a time-frequency transformer for music audio", ISMIR 2021,
arXiv 2110.09127 (sometimes cited as "Lin 2021, arXiv 2107.01902", which is another paper). A
transformer in a transformer: the spectral one sees the bins of one frame, and a *frequency class
token* that gathers what the frame holds; the temporal one sees one embedding per frame, which it
exchanges with that token in every block. So attention costs `bins^2 + frames^2` and not their
product. The paper tags, tracks melody and finds chords; here a mask head sits on the spectral
tokens, each joined by its frame's class token.

Tokens are bands of `stride * patch` bins, by learned strided convolutions, and frames. The paper's
temporal embeddings have learned places; here, where a signal may have any length, queries and keys
are rotated by theirs (Su et al., "RoFormer", 2021), or have none.

Masks: `magnitude` ones compete by softmax; `complex` ones are free and share out evenly what they
lack to one. Either sum to one in every bin, so that the stems sum to the mix.

Axes here: feature maps `(batch, filter, frame, band)`; tokens `(..., token, width)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.models.layers.masks import Transform, check_exponent, level, separate
from unweave.models.layers.weights import builder

EPSILON = 1e-4  # of the segment's level: fainter magnitudes look alike


@dataclass(frozen=True, slots=True)
class SpecTntConfig:
    """Everything that decides the shape; widths, heads and blocks are the paper's. ValueError."""

    stems: tuple[str, ...] = ("vocals", "accompaniment")
    channels: int = 1
    frame_size: int = 1024
    hop: int = 512
    filters: int = 32  # of the convolutions at both ends
    units: int = 2  # residual ones at either end
    stride: int = 4  # bins to a band, where the convolutions work
    patch: int = 4  # bands to a spectral token
    blocks: int = 3
    width: int = 96  # of spectral tokens
    heads: int = 4
    temporal_width: int = 96
    temporal_heads: int = 8
    growth: int = 4  # how much wider a transformer's hidden layer is
    dropout: float = 0.15
    positions: Literal["rotary", "none"] = "rotary"  # of frames
    exponent: float = 0.3  # of the magnitudes that the network sees: below 1 compresses them
    mask: Literal["complex", "magnitude"] = "complex"

    def __post_init__(self) -> None:
        check_exponent(self.exponent)
        if (self.frame_size // 2) % (self.stride * self.patch):
            raise ValueError(
                f"stride * patch divides half of frame_size, got {self.stride} * {self.patch}"
            )
        if self.width % self.heads or self.temporal_width % (2 * self.temporal_heads):
            raise ValueError("heads divide width, and twice temporal_heads the temporal_width")

    @property
    def tokens(self) -> int:
        """Spectral tokens of a frame; the bin at half the sample rate follows the last one."""
        return self.frame_size // 2 // (self.stride * self.patch)


class Unit(nn.Sequential):
    """Two 3x3 convolutions, added to what enters."""

    def __init__(self, filters: int) -> None:
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [nn.BatchNorm2d(filters), nn.ReLU()]
            layers += [nn.Conv2d(filters, filters, 3, padding=1, bias=False)]
        super().__init__(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, filter, frame, band)` to the same shape."""
        return x + super().forward(x)


class Attention(nn.Module):
    """Every token looks at every token; without places, their order means nothing."""

    def __init__(self, width: int, heads: int, *, rotary: bool = False) -> None:
        super().__init__()
        self.heads, self.rotary = heads, rotary
        self.ask = nn.Linear(width, 3 * width, bias=False)  # query, key, value
        self.give = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, token, width)` to the same shape."""
        parts = self.ask(x).unflatten(-1, (3, self.heads, -1))  # (batch, token, 3, head, own)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # (batch, head, token, own) each
        if self.rotary:
            query, key = rotate(query), rotate(key)
        seen = F.scaled_dot_product_attention(query, key, value)
        return self.give(seen.transpose(1, 2).flatten(2))  # (batch, token, head * own)


class Layer(nn.Module):
    """One transformer layer, normalised before its parts."""

    def __init__(
        self, width: int, heads: int, growth: int, dropout: float, *, rotary: bool = False
    ) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, rotary=rotary)
        self.widen, self.narrow = nn.Linear(width, growth * width), nn.Linear(growth * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, token, width)` to the same shape."""
        x = x + self.dropout(self.attention(self.norm1(x)))
        return x + self.dropout(self.narrow(F.gelu(self.widen(self.norm2(x)))))


class Block(nn.Module):
    """A spectral layer, a temporal layer, and what they tell each other."""

    def __init__(self, config: SpecTntConfig) -> None:
        super().__init__()
        width, temporal, rest = config.width, config.temporal_width, (config.growth, config.dropout)
        self.spectral = Layer(width, config.heads, *rest)
        self.up, self.down = nn.Linear(width, temporal), nn.Linear(temporal, width)
        rotary = config.positions == "rotary"
        self.temporal = Layer(temporal, config.temporal_heads, *rest, rotary=rotary)

    def forward(self, spectral: Tensor, temporal: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens `(batch, frame, 1 + token, width)`, the class token first, and embeddings
        `(batch, frame, temporal_width)`, to the same shapes."""
        batch = spectral.shape[0]
        x = self.spectral(spectral.flatten(0, 1))  # (batch * frame, 1 + token, width)
        x = x.unflatten(0, (batch, -1))  # (batch, frame, 1 + token, width)
        temporal = self.temporal(temporal + self.up(x[:, :, 0]))
        told = x[:, :, :1] + self.down(temporal)[:, :, None]  # (batch, frame, 1, width)
        return torch.cat([told, x[:, :, 1:]], dim=2), temporal


class SpecTnt(nn.Module):
    """Waves to stems. Segments of any length."""

    def __init__(self, config: SpecTntConfig) -> None:
        super().__init__()
        self.transform = Transform(config.frame_size, config.hop)
        self.config = config
        self.parts = 2 if config.mask == "complex" else 1  # of one mask
        filters, stride, width = config.filters, config.stride, config.width
        seen, made = 3 * config.channels, len(config.stems) * config.channels * self.parts
        self.enter = nn.Conv2d(seen, filters, (3, 2 * stride + 1), (1, stride), (1, stride))
        self.front = nn.Sequential(*(Unit(filters) for _ in range(config.units)))
        self.gather = nn.Conv2d(filters, width, (1, config.patch), (1, config.patch))
        self.places = nn.Parameter(0.02 * torch.randn(config.tokens, width))
        self.class_token = nn.Parameter(0.02 * torch.randn(width))
        self.embedding = nn.Parameter(0.02 * torch.randn(config.temporal_width))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(2 * width)
        self.join = nn.Linear(2 * width, width)
        self.scatter = nn.ConvTranspose2d(width, filters, (1, config.patch), (1, config.patch))
        self.back = nn.Sequential(*(Unit(filters) for _ in range(config.units)))
        edge = stride // 2  # what neighbouring bands share
        self.leave = nn.ConvTranspose2d(
            filters, made, (3, stride + 2 * edge), (1, stride), (1, edge)
        )

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, channel, time)` to `(batch, stem, channel, time)`."""
        return separate(self, mix)

    def estimate(self, spectrum: Tensor) -> Tensor:
        """The mix's `(batch, channel, frame, bin)` to `(batch, stem, channel, frame, bin)`."""
        return self.masks(spectrum) * spectrum[:, None]

    def masks(self, spectrum: Tensor) -> Tensor:
        """Masks `(batch, stem, channel, frame, bin)`, which sum to one over the stems."""
        config = self.config
        seen = features(spectrum, config.exponent)
        x = self.front(self.enter(seen))  # (batch, filter, frame, band)
        y = self.scatter(self.attend(self.gather(x)))  # (batch, filter, frame, band)
        scores = self.leave(
            self.back(x + y)
        ).float()  # (batch, stem * channel * part, frame, bin - 1)
        scores = F.pad(scores, (0, 1, 0, 0), mode="replicate")
        scores = scores.unflatten(1, (len(config.stems), config.channels, self.parts))
        if self.parts == 1:
            return scores[:, :, :, 0].softmax(dim=1)
        free = torch.complex(scores[:, :, :, 0], scores[:, :, :, 1])
        return free + (1 - free.sum(1, keepdim=True)) / len(config.stems)

    def attend(self, x: Tensor) -> Tensor:
        """The transformers: `(batch, width, frame, token)` to the same shape."""
        batch, frames = x.shape[0], x.shape[2]
        bins = x.permute(0, 2, 3, 1) + self.places  # (batch, frame, token, width)
        classes = self.class_token.expand(batch, frames, 1, -1)
        spectral = torch.cat([classes, bins], dim=2)  # (batch, frame, 1 + token, width)
        temporal = self.embedding.expand(batch, frames, -1)
        for block in self.blocks:
            spectral, temporal = block(spectral, temporal)
        classes, bins = spectral[:, :, :1], spectral[:, :, 1:]
        both = torch.cat([bins, classes.expand_as(bins)], dim=-1)  # (batch, frame, token, 2 width)
        return self.join(self.norm(both)).permute(0, 3, 1, 2)


def features(spectrum: Tensor, exponent: float) -> Tensor:
    """Complex `(batch, channel, frame, bin)` to `(batch, 3 * channel, frame, bin - 1)`.

    Magnitude to the power of `exponent`, and the real and imaginary part that go with it, all
    relative to the segment's level; without the last bin.
    """
    spectrum = (spectrum / level(spectrum))[..., :-1]
    magnitude = spectrum.abs() + EPSILON
    loud = magnitude**exponent
    parts = torch.view_as_real(spectrum * (loud / magnitude))  # (..., bin, 2)
    return torch.cat([loud, parts[..., 0], parts[..., 1]], dim=1)


def rotate(x: Tensor) -> Tensor:
    """`(..., token, even)`: pairs of numbers turned by an angle that grows with the token's place.

    A dot product of two then depends on how far apart their tokens are.
    """
    half = x.shape[-1] // 2
    speed = 10000.0 ** (-torch.arange(half, device=x.device, dtype=x.dtype) / half)
    angle = torch.arange(x.shape[-2], device=x.device, dtype=x.dtype)[:, None] * speed
    cos, sin = angle.cos(), angle.sin()  # (token, even / 2)
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


NETWORK = (SpecTntConfig, SpecTnt)
build = builder(SpecTntConfig, SpecTnt)
BYTES_PER_SAMPLE = 560.0  # working memory of the published widths: benchmarks/networks/memory.py
