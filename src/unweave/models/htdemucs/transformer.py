"""The transformer of HT Demucs: two sequences that attend to themselves and to each other in turn.

Rouard et al. 2023, section 2.2 and figure 1. Layers normalise before attention and before their
feed-forward half, scale what they add (Touvron et al. 2021), and normalise a whole sequence by two
numbers at their end. Axes here: `(batch, token, width)`. There is no dropout.
"""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.signal.threads import together

PERIOD = 10000.0  # of the slowest wave in a position, in tokens and radians
SCALE_START = 1e-4  # how strong a layer starts


class Attention(nn.Module):
    """Every token of one sequence attends to all of another, or of its own."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(width, 3 * width)  # to queries, keys and values
        self.out = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.project.weight)
        nn.init.zeros_(self.project.bias)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        """`(batch, token, width)`, `(batch, other token, width)` to `(batch, token, width)`."""
        width = x.shape[-1]
        weight, bias = self.project.weight, self.project.bias
        query = F.linear(x, weight[:width], bias[:width])
        key, value = F.linear(other, weight[width:], bias[width:]).chunk(2, dim=-1)
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (batch, head, token, ...)
            for part in (query, key, value)
        )
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Attention and a feed-forward half; `cross`: the attention is to the other sequence."""

    def __init__(self, width: int, heads: int, hidden: int, *, cross: bool) -> None:
        super().__init__()
        self.cross = cross
        self.norm = nn.LayerNorm(width)
        if cross:
            self.norm_other = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.attention_scale = nn.Parameter(torch.full((width,), SCALE_START))
        self.norm_forward = nn.LayerNorm(width)
        self.widen = nn.Linear(width, hidden)
        self.narrow = nn.Linear(hidden, width)
        self.forward_scale = nn.Parameter(torch.full((width,), SCALE_START))
        self.norm_out = nn.GroupNorm(1, width)

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        """`(batch, token, width)` to the same shape; `other` may have other tokens than `x`."""
        query = self.norm(x)
        seen = self.norm_other(other) if self.cross else query
        x = x + self.attention_scale * self.attention(query, seen)
        x = x + self.forward_scale * self.narrow(F.gelu(self.widen(self.norm_forward(x))))
        return self.norm_out(x.transpose(1, 2)).transpose(1, 2)


class CrossTransformer(nn.Module):
    """Both sequences through all layers, which attend to the own and to the other one in turn."""

    def __init__(self, width: int, heads: int, hidden: int, layers: int, cross_first: bool) -> None:
        super().__init__()
        self.spectrum_norm = nn.LayerNorm(width)
        self.time_norm = nn.LayerNorm(width)
        cross = [n % 2 != cross_first for n in range(layers)]
        self.spectrum = nn.ModuleList(Layer(width, heads, hidden, cross=c) for c in cross)
        self.time = nn.ModuleList(Layer(width, heads, hidden, cross=c) for c in cross)

    def forward(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """`(batch, width, bin, frame)` and `(batch, width, time)` to the same shapes.

        The tokens of a spectrum are ordered by frames, and those of a frame by bins.
        """
        bins, frames = x.shape[2:]
        x = self.spectrum_norm(x.permute(0, 3, 2, 1).flatten(1, 2))  # (batch, frame * bin, width)
        t = self.time_norm(t.transpose(1, 2))  # (batch, time, width)
        x = x + places(frames, bins, x.shape[-1]).to(x)
        t = t + steps(t.shape[1], t.shape[-1]).to(t)
        for layer, time_layer in zip(self.spectrum, self.time, strict=True):
            # Both see the other as it was before.
            x, t = together(partial(layer, x, t), partial(time_layer, t, x))
        return x.unflatten(1, (frames, bins)).permute(0, 3, 2, 1), t.transpose(1, 2)


def places(frames: int, bins: int, width: int) -> Tensor:
    """Positions `(frame * bin, width)`: half of the numbers tell the frame, half the bin.

    In either half sine and cosine take turns.
    """
    half = width // 2
    rates = torch.exp(torch.arange(0.0, half, 2) * -(math.log(PERIOD) / half))

    def turning(count: int) -> Tensor:
        angles = torch.arange(0.0, count)[:, None] * rates  # (count, half / 2)
        return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)  # (count, half)

    by_frame = turning(frames)[:, None].expand(-1, bins, -1)
    by_bin = turning(bins).expand(frames, -1, -1)
    return torch.cat((by_frame, by_bin), dim=-1).flatten(0, 1)


def steps(count: int, width: int) -> Tensor:
    """Positions `(count, width)`: the cosines of all rates, then the sines."""
    half = width // 2
    angles = torch.arange(count)[:, None] / PERIOD ** (torch.arange(half) / (half - 1))
    return torch.cat((angles.cos(), angles.sin()), dim=-1)
