"""The two networks of VR: U-Nets in a cascade, from the magnitudes of a mix to a mask.

The lower and the upper half of the bins are seen by themselves first, then all of them beside what
came of that. Version 5 has separable convolutions at the bottom; version 5.1 has an LSTM along the
frames in every U-Net. Sizes and settings follow the published weights.

Axes: magnitudes, masks and everything between them `(batch, channel, bin, frame)`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DILATIONS = 4, 8, 16  # of version 5
DILATIONS_LSTM = (4, 2), (8, 4), (12, 6)  # of 5.1, over bins and over frames


def layer(
    inner: int,
    outer: int,
    size: int = 1,
    *,
    stride: int = 1,
    dilation: int | tuple[int, int] = 1,
    leaky: bool = False,
) -> nn.Sequential:
    """A convolution that keeps what lies in the middle of its kernel, a norm and an activation."""
    padding = dilation if size == 3 else 0
    parts: dict[str, nn.Module] = {
        "conv": nn.Conv2d(inner, outer, size, stride, padding, dilation, bias=False),
        "norm": nn.BatchNorm2d(outer),
        "activation": nn.LeakyReLU() if leaky else nn.ReLU(),
    }
    return nn.Sequential(OrderedDict(parts))


def separable(width: int, dilation: int) -> nn.Sequential:
    """Every channel by itself, then all channels of a bin."""
    depth = nn.Conv2d(width, width, 3, 1, dilation, dilation, groups=width, bias=False)
    return nn.Sequential(OrderedDict(depth=depth, point=layer(width, width)))


def twice(x: Tensor) -> Tensor:
    """As many bins and frames again; the first and the last stay where they are."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)


class Pyramid(nn.Module):
    """The mean over bins, a layer, and convolutions that are dilated more and more, side by side.

    repeated: how often the last of them counts in excess of once.
    """

    def __init__(
        self, inner: int, middle: int, outer: int, dilated: Sequence[nn.Module], repeated: int = 0
    ) -> None:
        super().__init__()
        self.mean, self.point = layer(inner, middle), layer(inner, middle)
        self.dilated, self.repeated = nn.ModuleList(dilated), repeated
        self.join = layer(middle * (2 + len(dilated) + repeated), outer)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inner, bin, frame)` to `(batch, outer, bin, frame)`."""
        mean = self.mean(x.mean(2, keepdim=True)).expand(-1, -1, x.shape[2], -1)
        found = [mean, self.point(x), *(each(x) for each in self.dilated)]
        return self.join(torch.cat([*found, *found[-1:] * self.repeated], dim=1))


class Net(nn.Module):
    """A U-Net of version 5. branches: of its pyramid, 5 to 7."""

    def __init__(self, inner: int, width: int, levels: int, branches: int) -> None:
        super().__init__()
        widths = [width << n for n in range(levels)]
        last = widths[-1]
        self.skip = nn.ModuleList(
            layer(a, b, 3, leaky=True) for a, b in zip([inner, *widths], widths, strict=False)
        )
        self.down = nn.ModuleList(layer(each, each, 3, stride=2, leaky=True) for each in widths)
        dilations = (*DILATIONS, *DILATIONS[-1:] * (branches > 5))
        dilated = [separable(last, each) for each in dilations]
        self.bottom = Pyramid(last, last, 2 * last, dilated, repeated=int(branches > 6))
        self.up = nn.ModuleList(layer(3 * each, each, 3) for each in widths)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inner, bin, frame)` to `(batch, width, bin, frame)`."""
        skips = []
        for skip, down in zip(self.skip, self.down, strict=True):
            skips.append(skip(x))
            x = down(skips[-1])
        x = self.bottom(x)
        for up in reversed(self.up):
            x = up(torch.cat([twice(x), skips.pop()], dim=1))
        return x


class Recurrent(nn.Module):
    """One channel of all bins of a frame, along the frames in both directions."""

    def __init__(self, width: int, bins: int, hidden: int) -> None:
        super().__init__()
        self.conv = layer(width, 1)
        self.lstm = nn.LSTM(bins, hidden // 2, bidirectional=True)
        self.dense, self.norm = nn.Linear(hidden, bins), nn.BatchNorm1d(bins)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, width, bin, frame)` to `(batch, 1, bin, frame)`."""
        steps = self.conv(x)[:, 0].permute(2, 0, 1)  # (frame, batch, bin)
        made = self.dense(self.lstm(steps)[0])
        normed = self.norm(made.flatten(0, 1)).relu().unflatten(0, made.shape[:2])
        return normed.permute(1, 2, 0)[:, None]


class LstmNet(nn.Module):
    """A U-Net of version 5.1, for so many bins. hidden: of its LSTM, both directions together."""

    def __init__(self, inner: int, width: int, bins: int, hidden: int) -> None:
        super().__init__()
        widths = [width * n for n in (1, 2, 4, 6, 8)]
        self.enter = layer(inner, width, 3)
        self.down = nn.ModuleList(
            nn.Sequential(layer(a, b, 3, stride=2, leaky=True), layer(b, b, 3, leaky=True))
            for a, b in pairwise(widths)
        )
        last = widths[-1]
        dilated = [layer(last, last, 3, dilation=each) for each in DILATIONS_LSTM]
        self.bottom = Pyramid(last, last, last, dilated)
        self.up = nn.ModuleList(
            layer(a + b + (n == 0), a, 3) for n, (a, b) in enumerate(pairwise(widths))
        )
        self.recurrent = Recurrent(widths[1], bins // 2, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inner, bin, frame)` to `(batch, width, bin, frame)`."""
        skips = [self.enter(x)]
        for down in self.down:
            skips.append(down(skips[-1]))
        x = self.bottom(skips.pop())
        for up in reversed(self.up[1:]):
            x = up(torch.cat([twice(x), skips.pop()], dim=1))
        x = torch.cat([x, self.recurrent(x)], dim=1)
        return self.up[0](torch.cat([twice(x), skips.pop()], dim=1))


class Cascade(nn.Module):
    """Version 5: two halves, then all bins twice, each time behind a narrow layer."""

    def __init__(self, width: int, levels: int, branches: int) -> None:
        super().__init__()

        def net(inner: int, outer: int) -> Net:
            return Net(inner, outer, levels, branches)

        self.low, self.high = net(2, width), net(2, width)
        self.bridge2, self.full2 = layer(width + 2, width // 2), net(width // 2, width)
        self.bridge3, self.full3 = layer(2 * width + 2, width), net(width, 2 * width)
        self.out = nn.Conv2d(2 * width, 2, 1, bias=False)

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, 2, bin, frame)` to the mask's logits, of the same shape."""
        low, high = mix.chunk(2, dim=2)
        one = torch.cat([self.low(low), self.high(high)], dim=2)
        two = self.full2(self.bridge2(torch.cat([mix, one], dim=1)))
        return self.out(self.full3(self.bridge3(torch.cat([mix, one, two], dim=1))))


class LstmCascade(nn.Module):
    """Version 5.1: two halves twice, then all bins; the upper half has half of the width."""

    def __init__(self, width: int, bins: int, hidden: int) -> None:
        super().__init__()
        half, quarter, few = width // 2, width // 4, bins // 2

        def low(inner: int, outer: int) -> nn.Sequential:
            return nn.Sequential(LstmNet(inner, outer, few, hidden), layer(outer, outer // 2))

        self.low1, self.high1 = low(2, half), LstmNet(2, quarter, few, hidden // 2)
        self.low2 = low(quarter + 2, width)
        self.high2 = LstmNet(quarter + 2, half, few, hidden // 2)
        self.full3 = LstmNet(quarter + half + 2, width, bins, hidden)
        self.out = nn.Conv2d(width, 2, 1, bias=False)

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, 2, bin, frame)` to the mask's logits, of the same shape."""
        low, high = mix.chunk(2, dim=2)
        low1, high1 = self.low1(low), self.high1(high)
        low2 = self.low2(torch.cat([low, low1], dim=1))
        high2 = self.high2(torch.cat([high, high1], dim=1))
        one, two = torch.cat([low1, high1], dim=2), torch.cat([low2, high2], dim=2)
        return self.out(self.full3(torch.cat([mix, one, two], dim=1)))
