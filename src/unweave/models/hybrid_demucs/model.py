"""Hybrid Demucs: one U-Net on the spectrum and one on the wave that meet at the bottom.

Défossez, "Hybrid spectrogram and waveform source separation", ISMIR MDX workshop 2021, arXiv
2111.03600 (Demucs v3). The spectrum branch takes real and imaginary parts as channels and convolves
over frequency; the time branch convolves over samples. Strides are such that, when one bin is left,
both have the same frames: there the time branch is added to the spectrum branch, further levels
are shared, and on the way up they part again. The stems are the sum of both branches' waves. Levels
carry residual branches, the deeper ones with an LSTM and local attention. What the branches see
and give is normalised by the segment's own moments.

Two settings are those of some models of the 2021 challenge (section 4.2 there). With `magnitudes`
the spectrum branch sees and gives magnitudes, and the stems get the mix's phase. With `bands` the
outermost levels have weights of their own for each band of frequencies.

Axes here: spectrum `(batch, channel, bin, frame)`, wave `(batch, channel, time)`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.models.hybrid_demucs.fast import rearrange
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
class HybridDemucsConfig:
    """Everything that decides the shape; the defaults are the published ones. Raises ValueError."""

    stems: tuple[str, ...] = ("drums", "bass", "other", "vocals")
    channels: int = 2
    width: int = 48  # channels of the first level, in either branch
    growth: float = 2  # from level to level
    frame_size: int = 4096  # 4 * stride^n: n strides lead to the hop and to one bin alike
    stride: int = 4
    shared_levels: int = 1  # below the place where the branches meet
    shared_stride: int = 2  # kernels are twice the stride everywhere
    context: int = 1  # neighbours on a side that the decoder's gated convolution sees
    branches: int = 2  # residual ones in a level
    compress: int = 4  # how much narrower they are
    branch_start: float = 1e-4  # how strong they start
    norm_from: int = 4  # the first level that is normalised, counting from 0
    norm_groups: int = 4
    lstm_from: int = 4  # the first level whose residual branches have an LSTM
    attention_from: int = 4  # the first one with attention
    embedding: float = 0.2  # weight of the learned embedding of a bin's frequency
    embedding_rate: float = 10.0  # how much faster than other parameters it learns
    magnitudes: bool = False  # and the mix's phase, instead of complex numbers as channels
    bands: tuple[float, ...] = ()  # where the outermost levels part, as shares of all bins
    banded_levels: int = 0  # how many of them do
    old_padding: bool = False  # as weights of the 2021 challenge need it: see `Spectra`

    def __post_init__(self) -> None:
        size, stride = self.frame_size, self.stride
        if stride < 2 or size != 4 * stride**self.levels:
            raise ValueError(f"frame_size is 4 times a power of the stride, got {size}, {stride}")
        if self.levels < 2:
            raise ValueError(f"frame_size is at least {4 * stride**2}, got {size}")
        if self.width < 2 * self.compress:  # one number alone cannot be normalised
            raise ValueError(f"width is at least {2 * self.compress}, got {self.width}")
        if list(self.bands) != sorted({0.0, *self.bands, 1.0})[1:-1]:
            raise ValueError(f"bands are shares that rise between 0 and 1, got {self.bands}")
        if bool(self.bands) != bool(self.banded_levels):
            raise ValueError("bands and banded_levels go together")
        if not 0 <= self.banded_levels < self.levels or self.banded_levels > self.norm_from:
            raise ValueError("banded_levels must be neither the last one nor normalised")

    @property
    def levels(self) -> int:
        """Levels of the spectrum branch; in the last of them the branches meet."""
        return round(math.log(self.frame_size / 4, max(2, self.stride)))


@dataclass(frozen=True, slots=True)
class Level:
    """Where one step of an encoder or decoder stands; kernels are twice the stride."""

    number: int  # from 0, the outermost
    inner: int  # channels towards the waves
    outer: int  # channels towards the bottom
    stride: int
    bins: bool  # it strides over bins, each frame by itself, or else over time
    padded: bool = True  # by half a stride, so that sizes divide by the stride
    banded: bool = False


class Down(nn.Module):
    """One level of an encoder."""

    def __init__(self, config: HybridDemucsConfig, level: Level) -> None:
        super().__init__()
        self.level = level
        outer, deep = level.outer, level.number
        self.conv = strided(level)
        self.norm1 = norm(config, deep, outer)
        self.residual = ResidualBranches(
            outer,
            count=config.branches,
            compress=config.compress,
            lstm=deep >= config.lstm_from,
            attention=deep >= config.attention_from,
            start=config.branch_start,
        )
        self.rewrite = (nn.Conv2d if level.bins else nn.Conv1d)(outer, 2 * outer, 1)
        self.norm2 = norm(config, deep, 2 * outer)

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        """`(batch, inner, bin, frame)` to `(batch, outer, bin / stride, frame)`, or over time.

        other: added after the strided convolution.
        """
        x = self.conv(x if self.level.bins else whole_strides(x, self.level.stride))
        x = F.gelu(self.norm1(x if other is None else x + other))
        if self.level.bins:
            # Each bin's frames by themselves: (batch * bin, outer, frame).
            y = self.residual(x.transpose(1, 2).flatten(0, 1))
            x = y.unflatten(0, (x.shape[0], x.shape[2])).transpose(1, 2)
        else:
            x = self.residual(x)
        return F.glu(self.norm2(self.rewrite(x)), dim=1)


class BandedDown(nn.Module):
    """One level of an encoder, for each band of frequencies by itself."""

    def __init__(self, config: HybridDemucsConfig, level: Level) -> None:
        super().__init__()
        self.level, self.shares = level, (*config.bands, 1.0)
        alone = replace(level, padded=False)
        self.bands = nn.ModuleList(Down(config, alone) for _ in self.shares)

    def forward(self, x: Tensor) -> Tensor:
        """As `Down`; each band sees of its neighbours what one convolution over all would see."""
        stride, bins = self.level.stride, x.shape[2]
        pad, kernel = stride // 2, 2 * stride
        x = F.pad(x, (0, 0, pad, pad))
        out, start = [], 0
        for share, band in zip(self.shares, self.bands, strict=True):
            until = round(bins * share) + pad * (1 if share < 1 else 2)
            steps = round((until - start - kernel) / stride + 1)
            out.append(band(x[:, :, start : start + (steps - 1) * stride + kernel]))
            start += steps * stride
        return torch.cat(out, dim=2)


class Gate(nn.Module):
    """What a level of a decoder does before it strides: a gated convolution all around."""

    def __init__(self, config: HybridDemucsConfig, level: Level) -> None:
        super().__init__()
        convolution, outer = nn.Conv2d if level.bins else nn.Conv1d, level.outer
        size, pad = 2 * config.context + 1, config.context  # in frames, and in bins
        if level.banded:  # a band sees no neighbours
            self.conv: nn.Module = nn.Conv2d(outer, 2 * outer, (1, size), padding=(0, pad))
        else:
            self.conv = convolution(outer, 2 * outer, size, padding=pad)
        self.norm = norm(config, level.number, 2 * level.outer)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, outer, ...)` to the same shape."""
        return F.glu(self.norm(self.conv(x)), dim=1)


class Stretch(nn.Module):
    """How a level of a decoder goes up: a transposed convolution, cut to what it came from."""

    def __init__(self, config: HybridDemucsConfig, level: Level) -> None:
        super().__init__()
        self.level = level
        self.conv = strided(level, transposed=True)
        self.norm = norm(config, level.number, level.inner)

    def forward(self, x: Tensor, length: int | None = None) -> Tensor:
        """`(batch, outer, bin, frame)` to `(batch, inner, bin * stride, frame)`, or to `length`."""
        x = self.norm(self.conv(x))
        pad = self.level.stride // 2 if self.level.padded else 0
        x = x.narrow(2, pad, x.shape[2] - 2 * pad if length is None else length)
        return x if self.level.number == 0 else F.gelu(x)


class Up(nn.Module):
    """One level of a decoder."""

    def __init__(self, config: HybridDemucsConfig, level: Level) -> None:
        super().__init__()
        self.level = level
        self.gate = Gate(config, level)
        self.stretch = Stretch(config, level)

    def forward(self, x: Tensor, skip: Tensor, length: int | None = None) -> Tensor:
        """As `Stretch`, of `x` and what the encoder's level gave, of its shape."""
        return self.stretch(self.gate(x + skip), length)


class BandedUp(nn.Module):
    """One level of a decoder, for each band of frequencies by itself."""

    def __init__(self, config: HybridDemucsConfig, level: Level) -> None:
        super().__init__()
        self.level, self.shares = level, (*config.bands, 1.0)
        alone = replace(level, padded=False, banded=True)
        self.bands = nn.ModuleList(Up(config, alone) for _ in self.shares)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """As `Up`; where bands meet, both add what one convolution over all would add."""
        x = x + skip
        stride, bins = self.level.stride, x.shape[2]
        batch, _, _, frames = x.shape
        total = x.new_zeros(batch, self.level.inner, (bins + 1) * stride, frames)
        start = 0
        for share, band in zip(self.shares, self.bands, strict=True):
            until = round(bins * share)
            stretch = band.stretch.conv
            assert isinstance(stretch.bias, Tensor)
            y = band.gate(x[:, :, start:until])
            # The bias of a band counts from its own first bin on.
            total[:, :, start * stride : (until + 1) * stride] += F.conv_transpose2d(
                y, stretch.weight, None, stretch.stride
            )
            begin = (start + 1 if start else 0) * stride
            total[:, :, begin : (until + 1) * stride] += stretch.bias[:, None, None]
            start = until
        total = total[:, :, stride // 2 : -stride // 2]
        return total if self.level.number == 0 else F.gelu(total)


class HybridDemucs(nn.Module):
    """Waves to stems. Segments of any length."""

    def __init__(self, config: HybridDemucsConfig) -> None:
        super().__init__()
        self.config = config
        self.spectra = Spectra(config.frame_size, mirror=not config.old_padding)
        parts = 1 if config.magnitudes else 2
        *spectrum, meeting = branch(config, parts * config.channels, bins=True)
        *time, merging = branch(config, config.channels, bins=False)
        shared = shared_levels(config, meeting)
        self.spectrum_down = nn.ModuleList(
            (BandedDown if level.banded else Down)(config, level) for level in spectrum
        )
        self.time_down = nn.ModuleList(Down(config, level) for level in time)
        self.merge = strided(merging)
        self.meet = Down(config, meeting)
        self.shared_down = nn.ModuleList(Down(config, level) for level in shared)
        self.shared_up = nn.ModuleList(Up(config, level) for level in reversed(shared))
        self.part = Up(config, meeting)
        self.part_time = Stretch(config, merging)
        self.spectrum_up = nn.ModuleList(
            (BandedUp if level.banded else Up)(config, out(level, config))
            for level in spectrum[::-1]
        )
        self.time_up = nn.ModuleList(Up(config, out(level, config)) for level in time[::-1])
        bins = config.frame_size // 2 // config.stride
        self.embedding = nn.Parameter(wandering(bins, config.width) / config.embedding_rate)
        rescale(self)

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, channel, time)` to `(batch, stem, channel, time)`."""
        spectrum = self.spectra.analyse(mix)  # (batch, 2 * channel, bin, frame)
        parts = spectrum.unflatten(1, (-1, 2))
        if self.config.magnitudes:
            spectrum = torch.hypot(*parts.unbind(2))  # (batch, channel, bin, frame)
        x_mean, x_deviation = moments(spectrum, (1, 2, 3))
        t_mean, t_deviation = moments(mix, (1, 2))
        x = (spectrum - x_mean) / (EPSILON + x_deviation)
        t = (mix - t_mean) / (EPSILON + t_deviation)
        x, t = self.network(x, t)
        if self.config.magnitudes:
            x = torch.addcmul(x_mean, x, x_deviation)  # (batch, stem * channel, bin, frame)
            x_mean, x_deviation = torch.zeros_like(x_mean), torch.ones_like(x_deviation)
            turned = x.unflatten(1, (-1, mix.shape[1], 1)) * phase(parts, spectrum)[:, None]
            x = turned.flatten(1, 3)
        x = self.spectra.synthesise(x, mix.shape[-1], x_mean, x_deviation)
        waves = x + t * t_deviation + t_mean  # (batch, stem * channel, time)
        return waves.unflatten(1, (len(self.config.stems), -1))

    def prepare_for_cpu(self) -> None:
        """Rearrange the network for a CPU: see `models/hybrid_demucs/fast.py`."""
        rearrange(self)

    def network(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Both branches: spectra `(batch, ..., bin, frame)` and waves `(batch, ..., time)`."""
        skips, lengths = [], []
        for n, (down, time_down) in enumerate(zip(self.spectrum_down, self.time_down, strict=True)):
            lengths.append(t.shape[-1])
            x, t = together(partial(down, x), partial(time_down, t))
            if n == 0:
                place = self.config.embedding * self.config.embedding_rate * self.embedding
                x = x + place.T[:, :, None]  # (width, bin, 1)
            skips.append((x, t))
        lengths.append(t.shape[-1])
        t = self.merge(whole_strides(t, self.config.stride))  # (batch, outer, frame)
        met = self.meet(x, t[:, :, None])  # (batch, outer, 1, frame)
        x = met + self.shared(met[:, :, 0])[:, :, None]
        x = self.part.gate(x)
        t = self.part_time(x[:, :, 0], lengths.pop())
        x = self.part.stretch(x)
        for up, time_up in zip(self.spectrum_up, self.time_up, strict=True):
            x_skip, t_skip = skips.pop()
            x, t = together(partial(up, x, x_skip), partial(time_up, t, t_skip, lengths.pop()))
        return x, t

    def shared(self, x: Tensor) -> Tensor:
        """The levels below the meeting: `(batch, channel, frame)` to the same; nothing if none."""
        skips, lengths = [], []
        for down in self.shared_down:
            lengths.append(x.shape[-1])
            x = down(x)
            skips.append(x)
        x = torch.zeros_like(x)
        for up in self.shared_up:
            x = up(x, skips.pop(), lengths.pop())
        return x


def phase(parts: Tensor, magnitudes: Tensor) -> Tensor:
    """`(batch, channel, 2, bin, frame)` divided by its magnitudes; 1 where there is silence."""
    silent = (magnitudes == 0).to(magnitudes)
    real, imaginary = parts.unbind(2)
    return torch.stack([real + silent, imaginary], dim=2) / (magnitudes + silent)[:, :, None]


def branch(config: HybridDemucsConfig, channels: int, *, bins: bool) -> list[Level]:
    """The levels of one branch; the last strides over all bins that are left, without padding."""
    width, last = [channels, *widths(config.width, config.growth, config.levels)], config.levels - 1
    return [
        Level(
            n,
            width[n],
            width[n + 1],
            config.stride,
            bins,
            padded=not (bins and n == last),
            banded=bins and n < config.banded_levels,
        )
        for n in range(config.levels)
    ]


def shared_levels(config: HybridDemucsConfig, above: Level) -> list[Level]:
    width = widths(above.outer, config.growth, config.shared_levels + 1)
    return [
        Level(above.number + 1 + n, width[n], width[n + 1], config.shared_stride, bins=False)
        for n in range(config.shared_levels)
    ]


def out(level: Level, config: HybridDemucsConfig) -> Level:
    """The same level of a decoder: the outermost gives every stem."""
    return level if level.number else replace(level, inner=level.inner * len(config.stems))


def strided(level: Level, *, transposed: bool = False) -> nn.Module:
    """The convolution by which a level strides; transposed, the one that undoes its shape."""
    pad = level.stride // 2 if level.padded and not transposed else 0
    ends = (level.outer, level.inner) if transposed else (level.inner, level.outer)
    if level.bins:
        over_bins = nn.ConvTranspose2d if transposed else nn.Conv2d
        return over_bins(*ends, (2 * level.stride, 1), (level.stride, 1), (pad, 0))
    over_time = nn.ConvTranspose1d if transposed else nn.Conv1d
    return over_time(*ends, 2 * level.stride, level.stride, pad)


def norm(config: HybridDemucsConfig, level: int, width: int) -> nn.Module:
    return nn.GroupNorm(config.norm_groups, width) if level >= config.norm_from else nn.Identity()


NETWORK = (HybridDemucsConfig, HybridDemucs)
build = builder(HybridDemucsConfig, HybridDemucs)
BYTES_PER_SAMPLE = 1000.0  # working memory of the published size: benchmarks/networks/memory.py
