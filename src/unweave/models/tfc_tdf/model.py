"""TFC-TDF v3: a U-Net on the spectrum whose blocks also look at all bins of a frame at once.

Kim, Lee and Jung, "Sound demixing challenge 2023 music demixing track technical report:
TFC-TDF-UNet v3", 2023, arXiv 2306.09382. Known as MDX23C. Real and imaginary parts are channels,
and so are sub-bands: a quarter of the bins lie side by side with the other quarters. A block has
convolutions over neighbours in time and frequency (TFC), and between them two dense layers that see
all bins of a frame, through a narrow space, alike for all frames (TDF). What the U-Net makes is
multiplied by what entered it; two more convolutions make the spectra of all stems of it and of the
mix.

Instance norms see all frames of a segment, so that a segment has the length that a card states.

Axes here: spectra `(batch, channel, bin, frame)`; inside the U-Net `(batch, channel, frame, bin)`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.models.layers.centred import Centred
from unweave.models.layers.waveform import with_remainder
from unweave.models.layers.weights import builder

MOST_FRAMES = 4096  # that a segment may be filled up to a multiple of


@dataclass(frozen=True, slots=True)
class TfcTdfConfig:
    """Everything that decides the shape; the defaults are MDX23C's for voice. Raises ValueError."""

    stems: tuple[str, ...] = ("vocals", "instrumental")
    channels: int = 2
    remainder: bool = False  # the last stem is what the others leave of the mix
    frame_size: int = 8192
    hop: int = 1024
    bins: int = 4096  # that the network sees, from the lowest; stems have none above
    subbands: int = 4  # of these
    width: int = 128  # channels of the first level
    growth: int = 128  # channels more with each level
    levels: int = 5
    blocks: int = 2  # of a level
    narrow: int = 4  # by so much the space between the dense layers is narrower
    frame_stride: int = 2  # from level to level
    bin_stride: int = 2  # the same, of bins
    norm: Literal["instance", "batch", "group", "none"] = "instance"  # before each layer
    groups: int = 1  # of a norm of groups
    activation: Literal["gelu", "relu", "elu"] = "gelu"  # behind each norm
    alpha: float = 1.0  # of ELU

    def __post_init__(self) -> None:
        if self.heads < 1:
            raise ValueError("with a remainder there are two stems or more")
        if self.frame_size < 2 or self.frame_size % 2 or not 1 <= self.hop <= self.frame_size // 2:
            raise ValueError(
                "frame_size is even and hop at most half of it, got "
                f"{self.frame_size} and {self.hop}"
            )
        counts = self.subbands, self.levels, self.blocks, self.narrow, self.groups
        if min(*counts, self.width, self.frame_stride, self.bin_stride) < 1 or self.growth < 0:
            raise ValueError(
                "subbands, width, levels, blocks, narrow, groups and strides are 1 or more, "
                "growth is 0 or more"
            )
        if self.frame_stride**self.levels > MOST_FRAMES:
            raise ValueError(f"frame_stride and levels make steps of over {MOST_FRAMES} frames")
        unit = self.subbands * self.bin_stride**self.levels
        if not 1 <= self.bins <= self.frame_size // 2 + 1 or self.bins % unit:
            raise ValueError(
                f"bins are a multiple of {unit}, and at most {self.frame_size // 2 + 1}; "
                f"got {self.bins}"
            )
        if self.bins // unit < self.narrow:
            raise ValueError(f"{self.bins // unit} bins at the bottom cannot be {self.narrow} less")

    @property
    def heads(self) -> int:
        """Stems that the network makes."""
        return len(self.stems) - self.remainder


class Step(nn.Sequential):
    """A norm, an activation and a layer that multiplies."""

    def __init__(self, config: TfcTdfConfig, width: int, layer: nn.Module) -> None:
        parts = {"norm": norm(config, width), "activation": activation(config), "layer": layer}
        super().__init__(OrderedDict(parts))


class Block(nn.Module):
    """Convolutions, dense layers along bins, convolutions again; added to a view of what enters."""

    def __init__(self, config: TfcTdfConfig, inner: int, outer: int, bins: int) -> None:
        super().__init__()
        narrow = bins // config.narrow
        self.tfc1 = Step(config, inner, nn.Conv2d(inner, outer, 3, padding=1, bias=False))
        self.squeeze = Step(config, outer, nn.Linear(bins, narrow, bias=False))
        self.widen = Step(config, outer, nn.Linear(narrow, bins, bias=False))
        self.tfc2 = Step(config, outer, nn.Conv2d(outer, outer, 3, padding=1, bias=False))
        self.shortcut = nn.Conv2d(inner, outer, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inner, frame, bin)` to `(batch, outer, frame, bin)`."""
        passed = self.shortcut(x)
        x = self.tfc1(x)
        x = x + self.widen(self.squeeze(x))  # (batch, outer, frame, narrow) between them
        return self.tfc2(x) + passed


class Blocks(nn.Sequential):
    """The blocks of a level; the first has another width at its beginning."""

    def __init__(self, config: TfcTdfConfig, inner: int, outer: int, bins: int) -> None:
        firsts = [inner, *[outer] * (config.blocks - 1)]
        super().__init__(*(Block(config, first, outer, bins) for first in firsts))


class Down(nn.Module):
    """One level of the encoder."""

    def __init__(self, config: TfcTdfConfig, width: int, bins: int) -> None:
        super().__init__()
        stride = config.frame_stride, config.bin_stride
        self.blocks = Blocks(config, width, width, bins)
        thin = nn.Conv2d(width, width + config.growth, stride, stride, bias=False)
        self.shrink = Step(config, width, thin)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`(batch, width, frame, bin)` to `(batch, width + growth, fewer frames, fewer bins)`, and
        to what the decoder's level gets, of the shape of `x`."""
        skip = self.blocks(x)
        return self.shrink(skip), skip


class Up(nn.Module):
    """One level of the decoder."""

    def __init__(self, config: TfcTdfConfig, width: int, bins: int) -> None:
        super().__init__()
        stride, outer = (config.frame_stride, config.bin_stride), width + config.growth
        grow = nn.ConvTranspose2d(outer, width, stride, stride, bias=False)
        self.grow = Step(config, outer, grow)
        self.blocks = Blocks(config, 2 * width, width, bins)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """`(batch, width + growth, frame, bin)` to `(batch, width, more frames, more bins)`, the
        shape of `skip`, which the encoder's level gave."""
        return self.blocks(torch.cat([self.grow(x), skip], dim=1))


class TfcTdf(nn.Module):
    """Waves to stems. Segments of any length; silence fills one up to whole strides of frames."""

    def __init__(self, config: TfcTdfConfig) -> None:
        super().__init__()
        self.config = config
        self.transform = Centred(config.frame_size, config.hop)
        parts = config.subbands * 2 * config.channels
        steps = [
            (
                config.width + n * config.growth,
                config.bins // config.subbands // config.bin_stride**n,
            )
            for n in range(config.levels + 1)
        ]
        *outer, (deepest, least) = steps
        self.enter = nn.Conv2d(parts, config.width, 1, bias=False)
        self.down = nn.ModuleList(Down(config, *step) for step in outer)
        self.bottom = Blocks(config, deepest, deepest, least)
        self.up = nn.ModuleList(Up(config, *step) for step in outer[::-1])
        self.join = nn.Conv2d(config.width + parts, config.width, 1, bias=False)
        self.activation = activation(config)
        self.leave = nn.Conv2d(config.width, config.heads * parts, 1, bias=False)

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, channel, time)` to `(batch, stem, channel, time)`."""
        config, time = self.config, mix.shape[-1]
        frames = 1 - time // -config.hop
        frames -= frames % -(config.frame_stride**config.levels)
        padded = F.pad(mix, (0, (frames - 1) * config.hop - time))
        x = self.estimate(self.transform.analyse(padded))
        waves = self.transform.synthesise(x)  # (batch, stem * channel, time)
        stems = waves[..., :time].unflatten(1, (-1, mix.shape[1]))
        return with_remainder(mix, stems) if config.remainder else stems

    def estimate(self, spectrum: Tensor) -> Tensor:
        """The mix's `(batch, channel * 2, bin, frame)` to those of the stems,
        `(batch, stem * channel * 2, lower bin, frame)`."""
        subbands = self.config.subbands
        seen = spectrum[:, :, : self.config.bins].unflatten(2, (subbands, -1)).flatten(1, 2)
        return self.network(seen).unflatten(1, (-1, subbands)).flatten(2, 3)

    def network(self, mix: Tensor) -> Tensor:
        """`(batch, channel * 2 * subband, bin, frame)` to `(batch, stem * channel * 2 * subband,
        bin, frame)`."""
        entered = self.enter(mix)  # (batch, width, bin, frame)
        x, skips = entered.transpose(-1, -2), []
        for down in self.down:
            x, skip = down(x)
            skips.append(skip)
        x = self.bottom(x)
        for up in self.up:
            x = up(x, skips.pop())
        x = x.transpose(-1, -2) * entered
        return self.leave(self.activation(self.join(torch.cat([mix, x], dim=1))))

    def select(self, stems: Sequence[str]) -> TfcTdf | None:
        """The network of some stems, which the last convolution alone knows apart; None for what
        all leave of the mix."""
        config, state = self.config, self.state_dict()
        if config.remainder and config.stems[-1] in stems:
            return None
        each = state["leave.weight"].unflatten(0, (config.heads, -1))
        state["leave.weight"] = each[[config.stems.index(stem) for stem in stems]].flatten(0, 1)
        with torch.device("meta"):
            narrowed = TfcTdf(replace(config, stems=tuple(stems), remainder=False))
        narrowed.load_state_dict(state, assign=True)
        return narrowed.eval().requires_grad_(False)


def norm(config: TfcTdfConfig, width: int) -> nn.Module:
    match config.norm:
        case "instance":
            return nn.InstanceNorm2d(width, affine=True)
        case "batch":
            return nn.BatchNorm2d(width)
        case "group":
            return nn.GroupNorm(config.groups, width)
        case _:
            return nn.Identity()


def activation(config: TfcTdfConfig) -> nn.Module:
    match config.activation:
        case "gelu":
            return nn.GELU()
        case "relu":
            return nn.ReLU()
        case _:
            return nn.ELU(config.alpha)


NETWORK = (TfcTdfConfig, TfcTdf)
build = builder(TfcTdfConfig, TfcTdf)
