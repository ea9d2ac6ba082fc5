"""HT Demucs: a U-Net on the spectrum, one on the wave, and a transformer between them.

Rouard, Massa and Défossez, "Hybrid transformers for music source separation", ICASSP 2023, arXiv
2211.08553 (Demucs v4). The spectrum branch takes real and imaginary parts as channels and convolves
over frequency; its residual branches alone look at other frames. The time branch convolves over
samples. At the bottom both are sequences of tokens, which a transformer lets attend to themselves
and to each other. The decoders mirror the encoders. The stems are the sum of both branches' waves.
What the branches see and give is normalised by the segment's own moments.

Axes here: spectrum `(batch, channel, bin, frame)`, wave `(batch, channel, time)`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from unweave.models.htdemucs.fast import rearrange
from unweave.models.htdemucs.transformer import CrossTransformer
from unweave.models.layers.spectra import Spectra
from unweave.models.layers.waveform import (
    ResidualBranches,
    moments,
    rescale,
    wandering,
    whole_strides,
    widths,
)
from unweave.models.layers.weights import builder
from unweave.signal.threads import together

EPSILON = 1e-5  # added to deviations


@dataclass(frozen=True, slots=True)
class HTDemucsConfig:
    """Everything that decides the shape; the defaults are the published ones. Raises ValueError."""

    stems: tuple[str, ...] = ("drums", "bass", "other", "vocals")
    channels: int = 2
    length: int = 343980  # samples: shorter segments are filled up to it; 0: none are
    width: int = 48  # channels of the first level, in either branch
    growth: float = 2  # from level to level
    levels: int = 4
    frame_size: int = 4096
    stride: int = 4  # kernels are twice the stride everywhere
    context: int = 1  # neighbours on a side that the decoder's gated convolution sees
    branches: int = 2  # residual ones in a level
    branches_up: bool = True  # in the decoders, too
    compress: int = 8  # how much narrower they are
    branch_start: float = 1e-3  # how strong they start
    embedding: float = 0.2  # weight of the learned embedding of a bin's frequency
    embedding_rate: float = 10.0  # how much faster than other parameters it learns
    bottleneck: int = 512  # width of the transformer; 0: that of the last level
    layers: int = 5  # of the transformer, in either branch
    heads: int = 8
    hidden: float = 4  # how much wider its feed-forward layers are
    cross_first: bool = False  # the first layer attends to the other branch, not the second

    def __post_init__(self) -> None:
        if self.stride < 2 or self.stride % 2 or self.levels < 1:
            raise ValueError(
                f"stride is even and levels are 1 or more, got {self.stride} and {self.levels}"
            )
        shrunk = 2 * self.stride**self.levels  # by so much; more than two bins must be left
        unit = math.lcm(8, shrunk)
        if self.frame_size % unit or self.frame_size <= 2 * shrunk:
            raise ValueError(
                f"frame_size is a multiple of {unit} above {2 * shrunk}, got {self.frame_size}"
            )
        if self.width < 2 * self.compress:  # one number alone cannot be normalised
            raise ValueError(f"width is at least {2 * self.compress}, got {self.width}")
        if self.heads < 1 or self.token_width % math.lcm(4, self.heads) or self.token_width < 8:
            raise ValueError(
                f"a token's width is 8 or more, a multiple of 4 and of the {self.heads} heads, "
                f"got {self.token_width}"
            )

    @property
    def token_width(self) -> int:
        """Numbers in a token of the transformer."""
        return self.bottleneck or widths(self.width, self.growth, self.levels)[-1]


@dataclass(frozen=True, slots=True)
class Level:
    """Where one step of an encoder or decoder stands."""

    number: int  # from 0, the outermost
    inner: int  # channels towards the waves
    outer: int  # channels towards the bottom
    bins: bool  # it strides over bins, each frame by itself, or else over time


class Down(nn.Module):
    """One level of an encoder."""

    def __init__(self, config: HTDemucsConfig, level: Level) -> None:
        super().__init__()
        self.stride, self.bins = config.stride, level.bins
        size, stride, pad = 2 * config.stride, config.stride, config.stride // 2
        if level.bins:
            self.conv: nn.Module = nn.Conv2d(
                level.inner, level.outer, (size, 1), (stride, 1), (pad, 0)
            )
        else:
            self.conv = nn.Conv1d(level.inner, level.outer, size, stride, pad)
        self.residual = branches(config, level.outer)
        self.rewrite = convolution(level)(level.outer, 2 * level.outer, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inner, bin, frame)` to `(batch, outer, bin / stride, frame)`, or over time."""
        x = self.conv(x if self.bins else whole_strides(x, self.stride))
        x = through_time(self.residual, F.gelu(x))
        return F.glu(self.rewrite(x), dim=1)


class Up(nn.Module):
    """One level of a decoder."""

    def __init__(self, config: HTDemucsConfig, level: Level) -> None:
        super().__init__()
        self.stride, self.bins, self.outermost = config.stride, level.bins, level.number == 0
        inner = level.inner * (len(config.stems) if self.outermost else 1)
        around, size, stride = 2 * config.context + 1, 2 * config.stride, config.stride
        self.gate = convolution(level)(level.outer, 2 * level.outer, around, padding=config.context)
        self.residual = branches(config, level.outer) if config.branches_up else nn.Identity()
        if level.bins:
            self.stretch: nn.Module = nn.ConvTranspose2d(level.outer, inner, (size, 1), (stride, 1))
        else:
            self.stretch = nn.ConvTranspose1d(level.outer, inner, size, stride)

    def forward(self, x: Tensor, skip: Tensor, length: int) -> Tensor:
        """`(batch, outer, bin, frame)` to `(batch, inner, length, frame)`, or over time.

        skip: what the encoder's level gave, of the shape of `x`.
        """
        x = through_time(self.residual, F.glu(self.gate(x + skip), dim=1))
        x = self.stretch(x).narrow(2, self.stride // 2, length)
        return x if self.outermost else F.gelu(x)


class HTDemucs(nn.Module):
    """Waves to stems. Segments of any length; while not trained, of at most `length` if it has one.

    Raises ValueError for a longer one.
    """

    def __init__(self, config: HTDemucsConfig) -> None:
        super().__init__()
        self.config = config
        self.spectra = Spectra(config.frame_size)
        spectrum = branch(config, 2 * config.channels, bins=True)
        time = branch(config, config.channels, bins=False)
        self.spectrum_down = nn.ModuleList(Down(config, level) for level in spectrum)
        self.time_down = nn.ModuleList(Down(config, level) for level in time)
        self.spectrum_up = nn.ModuleList(Up(config, level) for level in spectrum[::-1])
        self.time_up = nn.ModuleList(Up(config, level) for level in time[::-1])
        bins = config.frame_size // 2 // config.stride
        self.embedding = nn.Parameter(wandering(bins, config.width) / config.embedding_rate)
        rescale(self)
        bottom, tokens = spectrum[-1].outer, config.token_width
        self.spectrum_in = nn.Conv1d(bottom, tokens, 1) if config.bottleneck else nn.Identity()
        self.spectrum_out = nn.Conv1d(tokens, bottom, 1) if config.bottleneck else nn.Identity()
        self.time_in = nn.Conv1d(bottom, tokens, 1) if config.bottleneck else nn.Identity()
        self.time_out = nn.Conv1d(tokens, bottom, 1) if config.bottleneck else nn.Identity()
        self.transformer = CrossTransformer(
            tokens, config.heads, int(tokens * config.hidden), config.layers, config.cross_first
        )

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, channel, time)` to `(batch, stem, channel, time)`."""
        time = mix.shape[-1]
        mix = self.filled(mix)
        spectrum = self.spectra.analyse(mix)  # (batch, 2 * channel, bin, frame)
        x_mean, x_deviation = moments(spectrum, (1, 2, 3))
        t_mean, t_deviation = moments(mix, (1, 2))
        x = (spectrum - x_mean) / (EPSILON + x_deviation)
        t = (mix - t_mean) / (EPSILON + t_deviation)
        x, t = self.network(x, t)  # (batch, stem * 2 * channel, bin, frame) and (..., time)
        x = self.spectra.synthesise(x, mix.shape[-1], x_mean, x_deviation)
        waves = x + t * t_deviation + t_mean  # (batch, stem * channel, time)
        return waves.unflatten(1, (len(self.config.stems), -1))[..., :time]

    def prepare_for_cpu(self) -> None:
        """Rearrange the network for a CPU: see `models/htdemucs/fast.py`."""
        rearrange(self)

    def filled(self, mix: Tensor) -> Tensor:
        """`(batch, channel, time)` with silence at the end, as long as the network knows it."""
        length, time = self.config.length, mix.shape[-1]
        if self.training or not length:
            return mix
        if time > length:
            raise ValueError(f"segments have at most {length} samples here, got {time}")
        return F.pad(mix, (0, length - time))

    def network(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Both branches: spectra `(batch, ..., bin, frame)` and waves `(batch, ..., time)`."""
        skips, lengths = [], []
        for n, (down, time_down) in enumerate(zip(self.spectrum_down, self.time_down, strict=True)):
            lengths.append((x.shape[2], t.shape[2]))
            # (batch, width, bin / stride, frame), (..., time / stride)
            x, t = together(partial(down, x), partial(time_down, t))
            if n == 0:
                place = self.config.embedding * self.config.embedding_rate * self.embedding
                x = x + place.T[:, :, None]  # (width, bin, 1)
            skips.append((x, t))
        x, t = self.bottom(x, t)
        for up, time_up in zip(self.spectrum_up, self.time_up, strict=True):
            (x_skip, t_skip), (bins, time) = skips.pop(), lengths.pop()
            x, t = together(partial(up, x, x_skip, bins), partial(time_up, t, t_skip, time))
        return x, t

    def bottom(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """The transformer on what the encoders give: `(batch, channel, bin, frame)` and time."""
        bins = x.shape[2]
        x = self.spectrum_in(x.flatten(2))  # (batch, width, bin * frame)
        x, t = self.transformer(x.unflatten(2, (bins, -1)), self.time_in(t))
        return self.spectrum_out(x.flatten(2)).unflatten(2, (bins, -1)), self.time_out(t)


def branch(config: HTDemucsConfig, channels: int, *, bins: bool) -> list[Level]:
    """The levels of one branch, from the wave to the bottom."""
    width = [channels, *widths(config.width, config.growth, config.levels)]
    return [Level(n, width[n], width[n + 1], bins) for n in range(config.levels)]


def convolution(level: Level) -> type[nn.Conv1d] | type[nn.Conv2d]:
    return nn.Conv2d if level.bins else nn.Conv1d


def branches(config: HTDemucsConfig, width: int) -> ResidualBranches:
    return ResidualBranches(
        width, count=config.branches, compress=config.compress, start=config.branch_start
    )


def through_time(layer: nn.Module, x: Tensor) -> Tensor:
    """A layer on `(batch, channel, time)`; of a spectrum, on each bin's frames by themselves."""
    if x.dim() == 3:
        return layer(x)
    y = layer(x.transpose(1, 2).flatten(0, 1))  # (batch * bin, channel, frame)
    return y.unflatten(0, (x.shape[0], x.shape[2])).transpose(1, 2)


NETWORK = (HTDemucsConfig, HTDemucs)
build = builder(HTDemucsConfig, HTDemucs)
BYTES_PER_SAMPLE = 1300.0  # working memory of the published size: benchmarks/networks/memory.py
