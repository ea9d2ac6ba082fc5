"""RoFormers rearranged for inference on a CPU: the same sums, fewer trips to memory.

1. Some rows at a time go through all layers along an axis, so that what they become stays in the
   cache. They take the place of what entered, wherever it lies: nothing is transposed as a whole.
   Threads that have no segment of their own take some of the rows.
2. Gains of norms are part of the weights behind them; queries, keys, values and gates of a token
   are one product.
3. A product of complex numbers turns queries and keys and puts those of a head side by side, as
   fused attention reads them best.

`tests/models/networks/test_roformer.py` holds this equal to the readable network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.models.roformer.transformer import Attention, Feed, Norm, Transformer, unit
from unweave.signal.threads import with_idle

if TYPE_CHECKING:
    from unweave.models.roformer.model import RoFormer

TOKENS_AT_ONCE = 1024  # of whole rows, for one thread; at least one row


@torch.no_grad()
def rearrange(network: RoFormer) -> None:
    """Put rearranged transformers in the place of the readable ones."""
    for block in network.blocks:
        block.time = FastTransformer(block.time)
        block.band = FastTransformer(block.band)


class FastTransformer(nn.Module):
    """`transformer.Transformer`, rearranged."""

    def __init__(self, transformer: Transformer) -> None:
        super().__init__()
        self.bare, self.starts = transformer.bare, transformer.starts
        self.attention = nn.ModuleList(FastAttention(each) for each in transformer.attention)
        self.feed = nn.ModuleList(FastFeed(each) for each in transformer.feed)
        self.norm = transformer.norm

    def forward(
        self, x: Tensor, turns: Tensor, first: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """`(row, token, width)` in place, and the values of the first block."""

        def some(rows: slice) -> Tensor | None:
            part = x[rows]
            tokens = part.contiguous()
            values = self.some(tokens, turns, None if first is None else first[rows])
            if tokens is not part:
                part.copy_(tokens)
            return values.contiguous() if self.starts else None

        count = max(1, TOKENS_AT_ONCE // x.shape[1])
        found = with_idle(some, [slice(n, n + count) for n in range(0, len(x), count)])
        values = [each for each in found if each is not None]
        return x, torch.cat(values) if values else first

    def some(self, x: Tensor, turns: Tensor, first: Tensor | None) -> Tensor:
        """Of some rows, in place; the values of the first layer."""
        found: list[Tensor] = []
        for attention, feed in zip(self.attention, self.feed, strict=True):
            made, values = attention(x, turns, first)
            if self.bare:
                x.copy_(made)
                x.copy_(feed(x))
            else:
                x += made
                x += feed(x)
            found.append(values)
        if isinstance(self.norm, Norm):
            x.copy_(self.norm(x))
        return found[0]


class FastAttention(nn.Module):
    """`transformer.Attention`, rearranged."""

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.heads, self.mixes = attention.heads, attention.mix is not None
        self.inner = attention.out.in_features
        shares = [attention.gates, *([] if attention.mix is None else [attention.mix])]
        weight = torch.cat([attention.project.weight, *(each.weight for each in shares)])
        # Complex numbers begin at every second number: rows have an even count.
        weight = F.pad(behind(attention.norm, weight), (0, 0, 0, len(weight) % 2))
        self.register_buffer("weight", weight)
        self.register_buffer("bias", torch.cat([each.bias for each in shares]))
        self.out = attention.out

    def forward(self, x: Tensor, turns: Tensor, first: Tensor | None) -> tuple[Tensor, Tensor]:
        """`(row, token, width)` to the same shape; the values `(row, head, token, width)`."""
        made = F.linear(unit(x), self.weight).float()
        pairs = made[..., : 2 * self.inner].unflatten(-1, (2 * self.heads, -1, 2))
        points = torch.view_as_complex(pairs).transpose(1, 2)  # (row, 2 * head, token, pair)
        turned = torch.empty(points.shape, dtype=points.dtype)
        torch.mul(points, turns, out=turned)
        query, key = torch.view_as_real(turned).flatten(-2).chunk(2, dim=1)
        own = made[..., 2 * self.inner : 3 * self.inner].unflatten(-1, (self.heads, -1))
        own = value = own.transpose(1, 2)  # (row, head, token, width)
        shares = made[..., 3 * self.inner :][..., : len(self.bias)] + self.bias
        shares = shares.sigmoid_().unflatten(-1, (-1, self.heads)).unsqueeze(-1)
        if self.mixes and first is not None:
            value = own.lerp(first, shares[:, :, 1].transpose(1, 2))
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2)
        return self.out(mixed.mul_(shares[:, :, 0]).flatten(2)), own


class FastFeed(nn.Module):
    """`transformer.Feed`, rearranged."""

    def __init__(self, feed: Feed) -> None:
        super().__init__()
        self.register_buffer("weight", behind(feed.norm, feed.widen.weight))
        self.register_buffer("bias", feed.widen.bias)
        self.narrow = feed.narrow

    def forward(self, x: Tensor) -> Tensor:
        """`(row, token, width)` to the same shape."""
        return self.narrow(F.gelu(F.linear(unit(x), self.weight, self.bias)))


def behind(norm: Norm, weight: Tensor) -> Tensor:
    """The weights of a layer behind a norm, for tokens of length one."""
    return cast(Tensor, weight * (weight.shape[1] ** 0.5 * norm.gain))
