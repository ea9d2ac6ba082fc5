"""The transformers of the RoFormers: over time and over bands in turn, with rotary positions.

Lu et al. 2023, section 3.3; rotations: Su et al., "RoFormer: enhanced transformer with rotary
position embedding", 2021, arXiv 2104.09864; norms: Zhang and Sennrich, "Root mean square layer
normalization", 2019, arXiv 1910.07467. Axes here: rows of tokens, `(row, token, width)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.models.roformer.options import BARE

if TYPE_CHECKING:
    from unweave.models.roformer.model import RoFormerConfig

FLOOR = 1e-12  # the least length of a token that is normalised
PERIOD = 10000.0  # of the slowest rotation, in positions and radians


class Norm(nn.Module):
    """Root mean square normalisation (Zhang and Sennrich 2019), with a floor for silence."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """`(..., width)` to the same shape."""
        return unit(x) * (x.shape[-1] ** 0.5 * self.gain)


class Attention(nn.Module):
    """Every token attends to all of its row; each head is scaled by a gate of the token's own."""

    def __init__(self, config: RoFormerConfig, *, mixes: bool) -> None:
        super().__init__()
        self.heads, inner = config.heads, config.heads * config.head_width
        self.norm = Norm(config.width)
        self.project = nn.Linear(config.width, 3 * inner, bias=False)  # queries, keys, values
        self.gates = nn.Linear(config.width, config.heads)
        self.mix = nn.Linear(config.width, config.heads) if mixes else None
        self.out = nn.Linear(inner, config.width, bias=False)

    def forward(self, x: Tensor, turns: Tensor, first: Tensor | None) -> tuple[Tensor, Tensor]:
        """`(row, token, width)` to the same shape, and the values `(row, head, token, width)`.

        turns: `rotations` of the positions. first: the values of the first block.
        """
        x = self.norm(x)
        parts = self.project(x).unflatten(-1, (3, self.heads, -1))  # (row, token, 3, head, ...)
        query, key, own = parts.permute(2, 0, 3, 1, 4).unbind()  # (row, head, token, ...)
        value = own
        if self.mix is not None and first is not None:
            value = own.lerp(first, self.by_head(self.mix(x)))
        query, key = rotated(query, turns), rotated(key, turns)
        mixed = F.scaled_dot_product_attention(query, key, value)
        mixed = mixed * self.by_head(self.gates(x))
        return self.out(mixed.transpose(1, 2).flatten(2)), own

    def by_head(self, x: Tensor) -> Tensor:
        """`(row, token, head)` to shares from 0 to 1, `(row, head, token, 1)`."""
        return x.transpose(1, 2).unsqueeze(-1).sigmoid()


class Feed(nn.Module):
    """The feed-forward half of a layer."""

    def __init__(self, config: RoFormerConfig) -> None:
        super().__init__()
        self.norm = Norm(config.width)
        self.widen = nn.Linear(config.width, config.hidden)
        self.narrow = nn.Linear(config.hidden, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """`(row, token, width)` to the same shape."""
        return self.narrow(F.gelu(self.widen(self.norm(x))))


class Transformer(nn.Module):
    """The layers along one axis, for all rows of tokens alike."""

    def __init__(self, config: RoFormerConfig, layers: int, *, first: bool) -> None:
        super().__init__()
        mixes = bool(config.value_residual) and not first
        self.bare = mixes and config.value_residual == BARE
        self.starts = first and bool(config.value_residual)  # whose values the others want
        self.attention = nn.ModuleList(Attention(config, mixes=mixes) for _ in range(layers))
        self.feed = nn.ModuleList(Feed(config) for _ in range(layers))
        self.norm = Norm(config.width) if config.norm_each else nn.Identity()

    def forward(
        self, x: Tensor, turns: Tensor, first: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """`(row, token, width)` to the same shape, and the values of the first block."""
        found = first
        for attention, feed in zip(self.attention, self.feed, strict=True):
            made, values = attention(x, turns, first)
            found = values if found is None else found
            x = made if self.bare else x + made
            x = feed(x) if self.bare else x + feed(x)
        return self.norm(x), found


class Block(nn.Module):
    """A transformer over time, and one over bands."""

    def __init__(self, config: RoFormerConfig, *, first: bool) -> None:
        super().__init__()
        self.time = Transformer(config, config.time_layers, first=first)
        self.band = Transformer(config, config.band_layers, first=first)

    def forward(
        self, x: Tensor, turns: Sequence[Tensor], first: Sequence[Tensor | None]
    ) -> tuple[Tensor, tuple[Tensor | None, Tensor | None]]:
        """`(batch, band, frame, width)` to the same shape, and values of the first block.

        turns, first: over time, and over bands.
        """
        batch = len(x)
        x, over_time = self.time(x.flatten(0, 1), turns[0], first[0])
        x = x.unflatten(0, (batch, -1)).transpose(1, 2)  # (batch, frame, band, width)
        x, over_bands = self.band(x.flatten(0, 1), turns[1], first[1])
        return x.unflatten(0, (batch, -1)).transpose(1, 2), (over_time, over_bands)


def unit(x: Tensor) -> Tensor:
    """`(..., width)` with tokens of length one; shorter ones than FLOOR are as if they had that."""
    return x / torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp(min=FLOOR)


def rates(head_width: int) -> Tensor:
    """How fast each pair of a head's numbers turns, in radians from one position to the next."""
    return PERIOD ** -(torch.arange(0, head_width, 2) / head_width)


def rotations(rates: Tensor, count: int) -> Tensor:
    """The turns of `count` positions: complex `(count, rate)`, from the first, which is none."""
    angles = torch.arange(count, device=rates.device)[:, None] * rates
    return torch.polar(torch.ones_like(angles), angles)


def rotated(x: Tensor, turns: Tensor) -> Tensor:
    """`(..., token, width)` with its neighbouring numbers, two by two, turned as points."""
    points = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(points * turns).flatten(-2).to(x.dtype)
