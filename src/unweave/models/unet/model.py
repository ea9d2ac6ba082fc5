"""U-Net: a mask on the spectrum from convolutions that go down to a coarse picture and up again.

Jansson, Humphrey, Montecchio, Bittner, Kumar and Weyde, "Singing voice separation with deep U-Net
convolutional networks", ISMIR 2017: six strided 5x5 convolutions and their mirror image, joined by
concatenation; the defaults. It masks magnitudes at 8192 Hz, one network a stem; here one network
gives the first stem and the rest of the mix is the other, which is the same for two stems.

Settings lead beyond it. `blocks` puts residual convolutions at every level, each with a layer that
sees all bins of a frame at once (`squeeze`), for harmonics lie far apart; after Choi, Kim, Chung
and Jung, "Investigating U-Nets with various intermediate blocks for spectrogram-based singing voice
separation", ISMIR 2020. `recurrent` sets an LSTM over the frames of the coarsest level. A `complex`
mask turns phases too. Levels need not halve both axes: a first level with a stride over bins only
makes everything after it cheap.

Axes: spectra `(batch, channel, frame, bin)`, as pictures `(batch, feature, frame, bin)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.models.layers.masks import Transform, level, separate
from unweave.models.layers.weights import builder

SLOPE = 0.2  # of the leaky ReLU
FLOOR = 1e-8  # power that is added to every bin: silence has no phase


@dataclass(frozen=True, slots=True)
class UNetConfig:
    """Everything that decides the shape; lists go from the outermost level in. ValueError."""

    stems: tuple[str, ...] = ("vocals", "accompaniment")
    channels: int = 1
    frame_size: int = 1024
    hop: int = 768
    filters: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    stride_bins: tuple[int, ...] = (2, 2, 2, 2, 2, 2)
    stride_frames: tuple[int, ...] = (2, 2, 2, 2, 2, 2)
    kernel_bins: tuple[int, ...] = (5, 5, 5, 5, 5, 5)
    kernel_frames: tuple[int, ...] = (5, 5, 5, 5, 5, 5)
    dropout: float = 0.5  # in the three innermost levels of the way up
    blocks: int = 0  # residual blocks at each level, on the way down and on the way up
    squeeze: int = 4  # the layer over all bins passes through this part of them; 0: no such layer
    recurrent: int = 0  # width of the LSTM, each direction; 0: none
    mask: Literal["sigmoid", "complex"] = "sigmoid"

    def __post_init__(self) -> None:
        if len(self.stems) != 2:
            raise ValueError(f"one mask makes two stems, got {len(self.stems)}")
        shapes = (self.stride_bins, self.stride_frames, self.kernel_bins, self.kernel_frames)
        if not self.filters or any(len(shape) != len(self.filters) for shape in shapes):
            raise ValueError("filters, strides and kernels have one number for each level")
        if any(k < s for k, s in zip(self.kernel_bins, self.stride_bins, strict=True)) or any(
            k < s for k, s in zip(self.kernel_frames, self.stride_frames, strict=True)
        ):
            raise ValueError("a kernel is at least as wide as its stride")

    @property
    def bins(self) -> int:
        """Bins that the levels divide evenly; the mask of those above is the highest one's."""
        whole = int(np.prod(self.stride_bins))
        return self.frame_size // 2 // whole * whole

    def level_bins(self, level: int) -> int:
        """Steps along the bins after the strides of `level` and those before it."""
        return self.bins // int(np.prod(self.stride_bins[: level + 1]))


class Block(nn.Module):
    """Two convolutions around a layer over all bins, added to what came in."""

    def __init__(self, width: int, bins: int, squeeze: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.across: nn.Sequential | None = None
        if squeeze:
            narrow = max(4, bins // squeeze)
            self.across = nn.Sequential(
                nn.Linear(bins, narrow, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
                nn.Linear(narrow, bins, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            )

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, width, frame, bin)`, any frames, to the same."""
        y = F.leaky_relu(self.norm1(self.conv1(x)), SLOPE, inplace=True)
        if self.across is not None:
            y = y + self.across(y)
        return F.leaky_relu(x + self.norm2(self.conv2(y)), SLOPE, inplace=True)


class Down(nn.Module):
    """One level of the way down."""

    def __init__(self, config: UNetConfig, level: int, width: int) -> None:
        super().__init__()
        kernel, stride, padding, _ = _geometry(config, level)
        out = config.filters[level]
        self.conv = nn.Conv2d(width, out, kernel, stride, padding, bias=False)
        self.norm = nn.BatchNorm2d(out)
        self.blocks = _blocks(config, level)

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(F.leaky_relu(self.norm(self.conv(x)), SLOPE, inplace=True))


class Up(nn.Module):
    """One level of the way up, to the width of the level outside it."""

    def __init__(self, config: UNetConfig, level: int, width: int, out: int) -> None:
        super().__init__()
        own, self.last = config.filters[level], level == 0
        self.merge: nn.Sequential | None = None
        if config.blocks and width != own:
            self.merge = nn.Sequential(
                nn.Conv2d(width, own, 1, bias=False),
                nn.BatchNorm2d(own),
                nn.LeakyReLU(SLOPE, inplace=True),
                _blocks(config, level),
            )
            width = own
        kernel, stride, padding, more = _geometry(config, level)
        self.conv = nn.ConvTranspose2d(width, out, kernel, stride, padding, more, bias=self.last)
        self.norm = nn.Identity() if self.last else nn.BatchNorm2d(out)
        dropped = level > 0 and level >= len(config.filters) - 3
        self.dropout = nn.Dropout2d(config.dropout if dropped else 0.0)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x if self.merge is None else self.merge(x))
        return x if self.last else self.dropout(F.relu(self.norm(x), inplace=True))


class Recurrent(nn.Module):
    """An LSTM over the frames of all features and bins, added to what came in."""

    def __init__(self, width: int, bins: int, hidden: int) -> None:
        super().__init__()
        self.narrow = nn.Linear(width * bins, hidden)
        self.lstm = nn.LSTM(hidden, hidden, batch_first=True, bidirectional=True)
        self.widen = nn.Linear(2 * hidden, width * bins)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, width, frame, bin)` to the same."""
        flat = x.transpose(1, 2).flatten(2)  # (batch, frame, width * bin)
        out = self.widen(self.lstm(self.narrow(flat))[0])
        return x + out.unflatten(2, (x.shape[1], -1)).transpose(1, 2)


class UNet(nn.Module):
    """The mask of the first stem; the second is what it leaves."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.transform = Transform(config.frame_size, config.hop)
        self.config = config
        depth, parts = len(config.filters), 2 if config.mask == "complex" else 1
        features = (3 if config.mask == "complex" else 1) * config.channels
        self.features = nn.BatchNorm2d(features)
        widths = (features, *config.filters)
        self.down = nn.ModuleList(Down(config, n, widths[n]) for n in range(depth))
        self.recurrent: Recurrent | None = None
        if config.recurrent:
            bins = config.level_bins(depth - 1)
            self.recurrent = Recurrent(config.filters[-1], bins, config.recurrent)
        outs = (parts * config.channels, *config.filters)
        self.up = nn.ModuleList(
            Up(config, n, config.filters[n] * (1 if n == depth - 1 else 2), outs[n])
            for n in reversed(range(depth))
        )

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, channel, time)` to `(batch, stem, channel, time)`."""
        return separate(self, mix)

    def estimate(self, spectrum: Tensor) -> Tensor:
        """The mix's `(batch, channel, frame, bin)` to `(batch, stem, channel, frame, bin)`."""
        first = self.mask(spectrum) * spectrum
        return torch.stack([first, spectrum - first], dim=1)

    def mask(self, spectrum: Tensor) -> Tensor:
        """The first stem's mask `(batch, channel, frame, bin)`, real or complex."""
        frames, bins = spectrum.shape[-2:]
        x = self.picture(spectrum[..., : self.config.bins])
        x = F.pad(x, (0, 0, 0, -frames % int(np.prod(self.config.stride_frames))))
        skips = []
        for down in self.down:
            x = down(x)
            skips.append(x)
        if self.recurrent is not None:
            x = self.recurrent(x)
        skips.pop()
        for up in self.up:
            x = up(x)
            if skips:
                x = torch.cat([x, skips.pop()], dim=1)
        x = x[..., :frames, :].float()  # under mixed precision it is not
        x = F.pad(x, (0, bins - self.config.bins, 0, 0), mode="replicate")
        if self.config.mask == "sigmoid":
            return x.sigmoid()
        return torch.view_as_complex(x.unflatten(1, (-1, 2)).movedim(2, -1).contiguous())

    def picture(self, spectrum: Tensor) -> Tensor:
        """What the network sees: compressed magnitudes and, for a complex mask, the phase too."""
        spectrum = spectrum / level(spectrum)
        power = spectrum.real.square() + spectrum.imag.square() + FLOOR
        if self.config.mask == "sigmoid":
            return self.features(power.sqrt().log1p())
        scale = power.pow(-0.35)  # of magnitudes to their 0.3rd power
        parts = [power.pow(0.15), spectrum.real * scale, spectrum.imag * scale]
        return self.features(torch.cat(parts, dim=1))


def _blocks(config: UNetConfig, level: int) -> nn.Sequential:
    width, bins = config.filters[level], config.level_bins(level)
    return nn.Sequential(*(Block(width, bins, config.squeeze) for _ in range(config.blocks)))


Pair = tuple[int, int]  # over frames, over bins


def _geometry(config: UNetConfig, level: int) -> tuple[Pair, Pair, Pair, Pair]:
    """Kernel, stride, padding, and the mirror image's padding at the end."""
    kernel = (config.kernel_frames[level], config.kernel_bins[level])
    stride = (config.stride_frames[level], config.stride_bins[level])
    over = (kernel[0] - stride[0], kernel[1] - stride[1])
    return kernel, stride, ((over[0] + 1) // 2, (over[1] + 1) // 2), (over[0] % 2, over[1] % 2)


NETWORK = (UNetConfig, UNet)
build = builder(UNetConfig, UNet)
BYTES_PER_SAMPLE = 240.0  # working memory of Jansson's size: benchmarks/networks/memory.py
