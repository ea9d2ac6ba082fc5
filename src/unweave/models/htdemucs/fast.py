"""HT Demucs rearranged for inference on a CPU: the same sums, fewer trips to memory.

1. A level of the spectrum branch is narrow and has millions of numbers, so that memory, not
   arithmetic, decides how long its many small operations take. They see each bin by itself, so
   that some bins at a time go through all of them and stay in the cache.
2. A transposed convolution whose kernel is twice its stride gives every block of `stride` outputs
   from two neighbouring inputs: it is a convolution with a kernel of two, which gives blocks.

`tests/models/networks/test_htdemucs.py` holds this equal to the readable network.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NUMBERS_AT_ONCE = 1 << 17  # of a level's input


def in_groups(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A layer on `(batch, channel, bin, frame)` that sees each bin by itself, some at a time."""
    bins = max(1, NUMBERS_AT_ONCE // (x.shape[0] * x.shape[1] * x.shape[3]))
    return torch.cat([layer(part) for part in x.split(bins, dim=2)], dim=2)


class Blocks(nn.Module):
    """A transposed convolution over the first axis behind the channels, its kernel two strides."""

    def __init__(self, conv: nn.ConvTranspose1d | nn.ConvTranspose2d) -> None:
        super().__init__()
        self.stride = conv.stride[0]
        # (inner, outer, 2 * stride, ...) to (stride * outer, inner, 2, ...), the later tap first
        halves = conv.weight.detach().unflatten(2, (2, self.stride)).flip(2)
        weight = halves.permute(3, 1, 0, 2, *range(4, halves.dim())).flatten(0, 1).contiguous()
        self.register_buffer("weight", weight)
        assert conv.bias is not None
        self.register_buffer("bias", conv.bias.detach().repeat(self.stride))

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inner, length, ...)` to `(batch, outer, (length + 1) * stride, ...)`."""
        if x.dim() == 3:
            blocks = F.conv1d(x, self.weight, self.bias, padding=1)
        else:
            blocks = F.conv2d(x, self.weight, self.bias, padding=(1, 0))
        blocks = blocks.unflatten(1, (self.stride, -1))  # (batch, stride, outer, length + 1, ...)
        order = (0, 2, 3, 1, *range(4, blocks.dim()))
        return blocks.permute(order).flatten(2, 3)
