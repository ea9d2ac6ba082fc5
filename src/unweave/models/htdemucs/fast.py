"""HT Demucs rearranged for inference on a CPU: the same sums, fewer trips to memory.

Levels are those of `models/layers/fast_levels.py`. In the transformer scales are part of weights,
keys and values of a head lie together, which fused attention reads much faster than rows that are
a width apart, and a feed-forward half goes through some tokens at a time. Threads that have no
segment of their own take heads and tokens.

`tests/models/networks/test_htdemucs.py` holds this equal to the readable network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.models.htdemucs.transformer import Layer
from unweave.models.layers.fast_levels import BinsDown, BinsUp, TimeDown, TimeUp
from unweave.signal.threads import with_idle

if TYPE_CHECKING:
    from unweave.models.htdemucs.model import HTDemucs

HIDDEN_AT_ONCE = 1 << 21  # numbers in the middle of a feed-forward half


@torch.no_grad()
def rearrange(network: HTDemucs) -> None:
    """Put rearranged levels and layers in the place of the readable ones."""
    network.spectrum_down = nn.ModuleList(
        BinsDown(level.conv, level.residual, level.rewrite) for level in network.spectrum_down
    )
    network.time_down = nn.ModuleList(
        TimeDown(level.conv, level.residual, level.rewrite) for level in network.time_down
    )
    if network.config.context == 1:
        network.spectrum_up = nn.ModuleList(
            BinsUp(level.gate, level.residual, level.stretch, outermost=level.outermost)
            for level in network.spectrum_up
        )
        network.time_up = nn.ModuleList(
            TimeUp(level.gate, level.residual, level.stretch, outermost=level.outermost)
            for level in network.time_up
        )
    for side in ("spectrum", "time"):
        layers = getattr(network.transformer, side)
        setattr(network.transformer, side, nn.ModuleList(FastLayer(layer) for layer in layers))


class FastLayer(nn.Module):
    """`transformer.Layer`, rearranged."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.cross, self.attention = layer.cross, layer.attention
        self.norm, self.norm_forward, self.norm_out = layer.norm, layer.norm_forward, layer.norm_out
        if layer.cross:
            self.norm_other = layer.norm_other
        self.widen = layer.widen
        self.out = scaled(layer.attention.out, layer.attention_scale)
        self.narrow = scaled(layer.narrow, layer.forward_scale)

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        """`(batch, token, width)` to the same shape."""
        query = self.norm(x)
        seen = self.norm_other(other) if self.cross else query
        x = self.out(self.mixed(query, seen)).add_(x)
        with_idle(self.forward_half, x.split(max(1, HIDDEN_AT_ONCE // self.widen.out_features), 1))
        x = F.layer_norm(x, x.shape[1:], eps=self.norm_out.eps)  # the whole sequence
        return torch.addcmul(self.norm_out.bias, x, self.norm_out.weight)

    def forward_half(self, tokens: Tensor) -> None:
        """Of some tokens, in place."""
        tokens += self.narrow(F.gelu(self.widen(self.norm_forward(tokens))))

    def mixed(self, x: Tensor, other: Tensor) -> Tensor:
        """What `Attention` gives to its last layer."""
        width, heads = x.shape[-1], self.attention.heads
        weight, bias = self.attention.project.weight, self.attention.project.bias
        query = F.linear(x, weight[:width], bias[:width]).unflatten(-1, (heads, -1))
        pair = F.linear(other, weight[width:], bias[width:]).unflatten(-1, (2, heads, -1))
        pair = pair.permute(3, 2, 0, 1, 4).unsqueeze(3).contiguous()  # (head, 2, batch, 1, ...)
        found = torch.empty_like(query)

        def head(n: int) -> None:
            key, value = pair[n]
            one = query[:, :, n : n + 1].transpose(1, 2)
            found[:, :, n] = F.scaled_dot_product_attention(one, key, value)[:, 0]

        with_idle(head, range(heads))
        return found.flatten(2)


def scaled(layer: nn.Linear, factor: Tensor) -> nn.Linear:
    """The layer with an output of `factor` times its own; the arrays it was made of stay."""
    layer.weight = nn.Parameter(layer.weight * factor[:, None], requires_grad=False)
    layer.bias = nn.Parameter(layer.bias * factor, requires_grad=False)
    return layer
