"""SCNet: a U-Net on the spectrum that thins out high bands more than low ones.

Tong, Zhu, Chen, Kang, Jiang, Li, Wu and Meng, "SCNet: sparse compression network for music source
separation", ICASSP 2024, arXiv 2401.13276. Real and imaginary parts are channels. A level of the
encoder cuts its bins into bands, low, middle and high. Each band is convolved over bins with a
stride of its own, and residual branches follow the frames of each bin. At the bottom LSTMs run
along the bins and along the frames; between them the frames are transformed once more, so that
every second pair of LSTMs runs along slow to fast changes instead of time. The decoder mirrors the
encoder, and gives the spectra of the stems.

Two windows are not alike: published networks have none, which is a rectangle, those with masks a
Hann window. With `mask_width` the spectra are made masks, which the mix's spectrum is multiplied
by. These are ZFTurbo's (Music-Source-Separation-Training, `scnet_masked`); there the network is
also told where each bin lies.

The norms see all frames of a segment, so that a segment has the length that a card states.

Axes here: spectra `(batch, channel, bin, frame)`.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.models.layers.centred import Centred
from unweave.models.layers.waveform import with_remainder
from unweave.models.layers.weights import MOST_PARTS, builder
from unweave.signal.threads import with_idle

PIECES = 4  # of the rows of an LSTM, for one thread each
START_DEVIATION = 0.02  # of what tells a bin's place, before training


@dataclass(frozen=True, slots=True)
class ScNetConfig:
    """Everything that decides the shape; the defaults are SCNet's small one. Raises ValueError.

    `shares`, `strides`, `kernels` and `branches` are by band, from low to high; the last band has
    the bins that `shares` leaves.
    """

    stems: tuple[str, ...] = ("drums", "bass", "other", "vocals")
    channels: int = 2
    remainder: bool = False  # the last stem is what the others leave of the mix
    frame_size: int = 4096
    hop: int = 1024
    normalised: bool = True  # spectra, by the root of frame_size
    widths: tuple[int, ...] = (32, 64, 128)  # channels of the levels, the outermost first
    shares: tuple[float, ...] = (0.175, 0.392)  # of a level's bins
    strides: tuple[int, ...] = (1, 4, 16)  # of its bins
    kernels: tuple[int, ...] = (3, 4, 16)  # bins that a strided convolution sees
    branches: tuple[int, ...] = (3, 2, 1)  # residual ones in a level
    compress: int = 4  # how much narrower they are
    around: int = 3  # frames that they see
    layers: int = 6  # pairs of LSTMs
    expand: int = 1  # how much wider than what enters an LSTM its state is
    mask_width: int = 0  # channels before the masks; 0: there are none, but spectra

    def __post_init__(self) -> None:
        if self.heads < 1:
            raise ValueError("with a remainder there are two stems or more")
        if self.frame_size < 2 or self.frame_size % 2 or not 1 <= self.hop <= self.frame_size // 2:
            raise ValueError(
                "frame_size is even and hop at most half of it, got "
                f"{self.frame_size} and {self.hop}"
            )
        bands = {len(self.strides), len(self.kernels), len(self.branches), len(self.shares) + 1}
        if len(bands) > 1 or not self.widths:
            raise ValueError(
                "strides, kernels and branches have one number for each band, shares one less, and "
                "widths one for each level"
            )
        if min(*self.strides, *self.kernels, self.compress, self.expand) < 1 or self.mask_width < 0:
            raise ValueError("strides, kernels, compress and expand are 1 or more, mask_width 0")
        if min(self.branches) < 0 or max(self.branches) > MOST_PARTS:
            raise ValueError(f"branches are 0 to {MOST_PARTS}, got {self.branches}")
        if min(self.widths) < 2 * self.compress:  # one number alone cannot be normalised
            raise ValueError(f"widths are at least {2 * self.compress}, got {self.widths}")
        if self.around % 2 == 0 or self.around < 1:
            raise ValueError(f"around is odd, got {self.around}")
        if self.layers < 2 or self.layers % 2:  # each second one leads back to frames
            raise ValueError(f"layers are even, got {self.layers}")
        if min(self.shares, default=1) <= 0 or sum(self.shares) >= 1:
            raise ValueError(f"shares are above 0 and sum to less than 1, got {self.shares}")
        for level in levels(self):
            for band in level.bands:
                if band.thin < 1 or band.bins < 1 or band.made < band.bins:
                    raise ValueError(
                        f"a band of {band.bins} bins with the stride {band.stride} and the kernel "
                        f"{band.kernel} does not come back from level {level.number}"
                    )

    @property
    def heads(self) -> int:
        """Stems that the network makes."""
        return len(self.stems) - self.remainder


@dataclass(frozen=True, slots=True)
class Band:
    """Some neighbouring bins of a level, and what a strided convolution makes of them."""

    start: int  # the first bin
    bins: int
    stride: int
    kernel: int
    branches: int

    @property
    def padding(self) -> tuple[int, int]:
        """Empty bins below and above: to whole strides, or for every bin to have its neighbours."""
        lacking = self.kernel - 1 if self.stride == 1 else -self.bins % self.stride
        return lacking // 2, lacking - lacking // 2

    @property
    def thin(self) -> int:
        """Bins that are left."""
        return (self.bins + sum(self.padding) - self.kernel) // self.stride + 1

    @property
    def made(self) -> int:
        """Bins that a transposed convolution makes of these."""
        return (self.thin - 1) * self.stride + self.kernel


@dataclass(frozen=True, slots=True)
class Level:
    """Where one step of the encoder and of the decoder stands."""

    number: int  # from 0, the outermost
    inner: int  # channels towards the waves
    outer: int  # channels towards the bottom
    bands: tuple[Band, ...]


def levels(config: ScNetConfig) -> Iterator[Level]:
    """The levels from the waves to the bottom."""
    inner, bins = 2 * config.channels, config.frame_size // 2 + 1
    for number, outer in enumerate(config.widths):
        ends = [math.ceil(bins * share) for share in accumulate(config.shares)]
        starts, ends = [0, *ends], [*ends, bins]
        sizes = [end - start for start, end in zip(starts, ends, strict=True)]
        facts = zip(starts, sizes, config.strides, config.kernels, config.branches, strict=True)
        bands = tuple(Band(*each) for each in facts)
        yield Level(number, inner, outer, bands)
        inner, bins = outer, sum(band.thin for band in bands)


class Branch(nn.Sequential):
    """A gated and a depthwise convolution over frames in a narrow space."""

    def __init__(self, config: ScNetConfig, width: int) -> None:
        narrow, size = width // config.compress, config.around
        parts: dict[str, nn.Module] = {
            "norm1": nn.GroupNorm(1, width),
            "gate": nn.Conv1d(width, 2 * narrow, size, padding=size // 2),
            "glu": nn.GLU(dim=1),  # (batch, narrow, frame)
            "along": nn.Conv1d(narrow, narrow, size, padding=size // 2, groups=narrow),
            "norm2": nn.GroupNorm(1, narrow),
            "swish": nn.SiLU(),
            "widen": nn.Conv1d(narrow, width, 1),  # (batch, width, frame)
        }
        super().__init__(OrderedDict(parts))


class Down(nn.Module):
    """One level of the encoder."""

    def __init__(self, config: ScNetConfig, level: Level) -> None:
        super().__init__()
        self.level, outer = level, level.outer
        self.strided = nn.ModuleList(
            nn.Conv2d(level.inner, outer, (band.kernel, 1), (band.stride, 1))
            for band in level.bands
        )
        self.residual = nn.ModuleList(
            nn.ModuleList(Branch(config, outer) for _ in range(band.branches))
            for band in level.bands
        )
        self.across = nn.Conv2d(outer, outer, 3, padding=1)  # where bands meet

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`(batch, inner, bin, frame)` to `(batch, outer, fewer bins, frame)`, and to what the
        decoder's level gets, of the same shape."""
        parts = []
        for band, conv, branches in zip(self.level.bands, self.strided, self.residual, strict=True):
            part = x.narrow(2, band.start, band.bins)  # (batch, inner, band's bin, frame)
            y = conv(F.pad(part, (0, 0, *band.padding)))  # (batch, outer, thin, frame)
            y = y.transpose(1, 2).flatten(0, 1)  # (batch * thin, outer, frame)
            for branch in cast(nn.ModuleList, branches):
                y = y + branch(y)
            parts.append(F.gelu(y).unflatten(0, (len(x), -1)).transpose(1, 2))
        skip = torch.cat(parts, dim=2)  # (batch, outer, all thin, frame)
        return self.across(skip), skip


class Path(nn.Module):
    """An LSTM along one axis, both ways, added to what enters."""

    def __init__(self, width: int, hidden: int, *, frames: bool) -> None:
        super().__init__()
        self.frames = frames  # it runs along these, not along bins
        self.norm = nn.GroupNorm(1, width)
        self.lstm = nn.LSTM(width, hidden, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, width, bin, frame)` to the same shape."""
        order = (0, 2, 3, 1) if self.frames else (0, 3, 2, 1)
        y = as_products(self.norm(x)).permute(order)  # (batch, bin, frame, width), or frame, bin
        rows = y.flatten(0, 1)  # (batch * bin, frame, width), or so
        # Rows do not depend on each other: idle threads take a share.
        parts = rows.split(math.ceil(len(rows) / PIECES))
        made = torch.cat(with_idle(lambda some: self.linear(self.lstm(some)[0]), parts))
        y = made.unflatten(0, y.shape[:2])  # (batch, bin, frame, width), or so
        return x + (y.permute(0, 3, 1, 2) if self.frames else y.transpose(1, 3))


class Pair(nn.Module):
    """An LSTM along the bins of each frame, then one along the frames of each bin."""

    def __init__(self, width: int, expand: int) -> None:
        super().__init__()
        self.bins = Path(width, width * expand, frames=False)
        self.frames = Path(width, width * expand, frames=True)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, width, bin, frame)` to the same shape."""
        y: Tensor = self.frames(self.bins(x))
        return y


class Up(nn.Module):
    """One level of the decoder."""

    def __init__(self, config: ScNetConfig, level: Level) -> None:
        super().__init__()
        self.level, outer = level, level.outer
        made = level.inner * (1 if level.number else config.heads)
        self.fuse = nn.Conv2d(2 * outer, 2 * outer, 3, padding=1)
        self.stretch = nn.ModuleList(
            nn.ConvTranspose2d(outer, made, (band.kernel, 1), (band.stride, 1))
            for band in level.bands
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """`(batch, outer, bin, frame)` to `(batch, made, more bins, frame)`.

        skip: what the encoder's level gave, of the shape of `x`.
        """
        # The original convolves two copies of this; one with the sum of their weights is the same.
        outer = self.level.outer
        weight = self.fuse.weight[:, :outer] + self.fuse.weight[:, outer:]
        x = F.glu(F.conv2d(x + skip, weight, self.fuse.bias, padding=1), dim=1)
        parts, start = [], 0
        for band, stretch in zip(self.level.bands, self.stretch, strict=True):
            y = stretch(x.narrow(2, start, band.thin))  # (batch, made, band.made, frame)
            parts.append(y.narrow(2, (band.made - band.bins) // 2, band.bins))
            start += band.thin
        return torch.cat(parts, dim=2)


class ScNet(nn.Module):
    """Waves to stems. Segments of any length; silence follows one, as in the original."""

    def __init__(self, config: ScNetConfig) -> None:
        super().__init__()
        self.config = config
        masked, out = config.mask_width > 0, 2 * config.channels * config.heads
        self.transform = Centred(
            config.frame_size, config.hop, hann=masked, normalised=config.normalised
        )
        steps, width = list(levels(config)), config.widths[-1]
        self.down = nn.ModuleList(Down(config, level) for level in steps)
        # Each second pair sees real and imaginary parts.
        self.paths = nn.ModuleList(
            Pair(width * (1 + n % 2), config.expand) for n in range(config.layers)
        )
        self.up = nn.ModuleList(Up(config, level) for level in steps[::-1])
        if masked:
            place = torch.empty(1, 2 * config.channels, self.transform.bins, 1)
            self.place = nn.Parameter(nn.init.trunc_normal_(place, std=START_DEVIATION))
            self.mask = nn.Sequential(
                nn.Conv2d(out, config.mask_width, 3, padding=1),
                nn.GELU(),
                nn.Conv2d(config.mask_width, out, 1),
                nn.Tanh(),
            )

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, channel, time)` to `(batch, stem, channel, time)`."""
        hop, time = self.config.hop, mix.shape[-1]
        frames = time // hop + 2
        frames += frames % 2  # even, for the transform of frames to be undone
        x = self.estimate(self.transform.analyse(F.pad(mix, (0, (frames - 1) * hop - time))))
        waves = self.transform.synthesise(x)[..., :time]  # (batch, stem * channel, time)
        # Without the latter the biases would hum where there is nothing.
        stems = waves.unflatten(1, (-1, mix.shape[1])) * mix.any(-1).any(-1)[:, None, None, None]
        return with_remainder(mix, stems) if self.config.remainder else stems

    def estimate(self, spectrum: Tensor) -> Tensor:
        """The mix's `(batch, 2 * channel, bin, frame)` to those of the stems,
        `(batch, stem * channel * 2, bin, frame)`."""
        if not self.config.mask_width:
            return self.network(spectrum)
        mask = self.mask(self.network(spectrum + self.place)).float()
        return times(mask, spectrum.repeat(1, self.config.heads, 1, 1))

    def network(self, x: Tensor) -> Tensor:
        """`(batch, 2 * channel, bin, frame)` to `(batch, stem * channel * 2, bin, frame)`."""
        skips = []
        for down in self.down:
            x, skip = down(x)
            skips.append(skip)
        for n, path in enumerate(self.paths):
            x = slow_to_fast(path(x)) if n % 2 == 0 else in_time(path(x))
        for up in self.up:
            x = up(x, skips.pop())
        return x

    def select(self, stems: Sequence[str]) -> ScNet | None:
        """The network of some stems; None with masks, which all stems decide on, and for what all
        leave of the mix."""
        if self.config.mask_width or (self.config.remainder and self.config.stems[-1] in stems):
            return None
        width = 2 * self.config.channels
        rows = [width * self.config.stems.index(stem) + n for stem in stems for n in range(width)]
        state = self.state_dict()
        last = f"up.{len(self.up) - 1}.stretch."
        for name in [name for name in state if name.startswith(last)]:
            state[name] = state[name][:, rows] if name.endswith("weight") else state[name][rows]
        with torch.device("meta"):
            narrowed = ScNet(replace(self.config, stems=tuple(stems), remainder=False))
        narrowed.load_state_dict(state, assign=True)
        return narrowed.eval().requires_grad_(False)


def as_products(x: Tensor) -> Tensor:
    """`x` in the precision of products of matrices, where that is another than its own.

    Of float32 torch would make bfloat16 inside an LSTM's kernel that CPUs without it do not have.
    """
    kind = x.device.type  # "meta" where operations are counted: there is no autocast
    if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
        return x.to(torch.get_autocast_dtype(kind))
    return x


def slow_to_fast(x: Tensor) -> Tensor:
    """Frames transformed: `(batch, width, bin, frame)` to `(batch, 2 * width, bin, frame / 2 + 1)`,
    the real parts of all channels first."""
    found = torch.fft.rfft(x.float(), dim=-1, norm="ortho")
    return torch.cat([found.real, found.imag], dim=1)


def in_time(x: Tensor) -> Tensor:
    """What `slow_to_fast` undoes: `(batch, 2 * width, bin, frame / 2 + 1)` to frames again."""
    return torch.fft.irfft(torch.complex(*x.float().chunk(2, dim=1)), dim=-1, norm="ortho")


def times(a: Tensor, b: Tensor) -> Tensor:
    """The product of complex numbers, whose parts are channels: `(batch, any * 2, ...)` twice."""
    pairs = (each.unflatten(1, (-1, 2)).unbind(2) for each in (a, b))
    (a_real, a_imaginary), (b_real, b_imaginary) = pairs
    real = a_real * b_real - a_imaginary * b_imaginary
    return torch.stack([real, a_real * b_imaginary + a_imaginary * b_real], dim=2).flatten(1, 2)


NETWORK = (ScNetConfig, ScNet)
build = builder(ScNetConfig, ScNet)
