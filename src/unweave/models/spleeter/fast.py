"""The U-Net of `spleeter.py`, rearranged for inference on a CPU: same sums, half the time.

1. Everything runs on spectrograms turned by 180 degrees with turned kernels. TensorFlow's "same"
   padding (one before, two after) becomes (two, one), which is what plain `padding=2` computes:
   no padding copies, and transposed convolutions come out at exactly twice the size.
2. Activations lie channels-last, where oneDNN's convolutions run at the machine's peak, and the
   weights are packed for it once instead of at every call.
3. The last transposed convolution has one output channel, which would leave 15 of 16 vector lanes
   empty. It is computed as a strided convolution from 4x4 input bins to blocks of 4x4 output
   bins, and so is the dilated convolution after it, block to block: 16 lanes, all full.
4. Where two tensors are concatenated, each is written into its half of the result; the largest
   two are not even joined: the convolution after them runs over each and adds up.

`tests/models/networks/test_spleeter.py` holds this equal to the readable network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import torch
import torch.nn.functional as F
from torch import Tensor

from unweave.models.spleeter.unet import Activation, UNet, activate

BLOCK = 4  # bins and frames of one block

Conv = Callable[[Tensor], Tensor]


def turn(x: Tensor) -> Tensor:
    """Turned by 180 degrees in frame and frequency."""
    return x.flip(-1, -2)


class FastUNets:
    """The networks of all stems; their logits come in blocks of turned bins."""

    def __init__(self, nets: Iterable[UNet]) -> None:
        with ThreadPoolExecutor() as pool:  # packing is copying, and leaves Python's lock alone
            self.nets = list(pool.map(FastUNet, nets))

    def __call__(self, magnitudes: Tensor) -> list[Tensor]:
        x = turn(magnitudes).contiguous(memory_format=torch.channels_last)
        return [net(x) for net in self.nets]

    def restore(self, x: Tensor) -> Tensor:
        return turn(F.pixel_shuffle(x, BLOCK))


class FastUNet:
    """`(batch, channel, frame, bin)`, turned, to turned logits in blocks.

    The result is `(batch, channel * 16, frame / 4, bin / 4)`, in the order of
    `torch.nn.functional.pixel_unshuffle(x, 4)`.
    """

    def __init__(self, unet: UNet) -> None:
        config = unet.config
        self.encoder_activation = config.encoder_activation
        levels = [
            (unet.get_submodule(f"down{n}"), unet.get_submodule(f"up{n}")) for n in range(1, 7)
        ]
        frames, bins = config.frames, config.bins
        self.down: list[tuple[Conv, Tensor, Tensor]] = []
        for level, _ in levels:
            shape = (1, level.conv.in_channels, frames, bins)
            conv = packed_conv(turn(level.conv.weight), level.conv.bias, shape, stride=2, padding=2)
            self.down.append((conv, *level.norm.affine()))
            frames, bins = frames // 2, bins // 2
        self.up: list[Conv] = []
        self.norms: list[tuple[Tensor, Tensor]] = []
        for _, level in levels[:-1]:
            shape = (1, level.conv.in_channels, frames, bins)
            conv = packed_transposed(
                turn(level.conv.weight), level.conv.bias, shape, config.decoder_activation
            )
            self.up.append(conv)
            self.norms.append(level.norm.affine())
            frames, bins = frames * 2, bins * 2
        last = levels[-1][1]
        weight, bias = block_transposed(turn(last.conv.weight), last.conv.bias)
        self.last_up = packed_pair(
            weight, bias, self.norms.pop(), (frames, bins), config.decoder_activation
        )
        self.last_norm = last.norm.affine()
        weight, bias = block_dilated(turn(unet.up7.conv.weight), unet.up7.conv.bias)
        shape = (1, weight.shape[1], frames // 2, bins // 2)
        self.mask = packed_conv(weight, bias, shape, stride=1, padding=1)

    def __call__(self, x: Tensor) -> Tensor:
        skips = []
        for conv, scale, shift in self.down:
            skips.append(conv(x))
            if len(skips) < len(self.down):
                x = activate(torch.addcmul(shift, skips[-1], scale), self.encoder_activation)
        x = skips.pop()
        for conv, norm in zip(self.up, self.norms, strict=False):
            x = beside(skips.pop(), conv(x), *norm)
        x = self.last_up(skips.pop(), self.up[-1](x))
        scale, shift = self.last_norm
        return self.mask(x.mul_(scale).add_(shift))


def beside(skip: Tensor, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """The skip's channels, then those of `x * scale + shift`."""
    half = skip.shape[1]
    shape = (x.shape[0], half + x.shape[1], *x.shape[2:])
    both = torch.empty(shape, memory_format=torch.channels_last)
    both[:, :half] = skip
    torch.addcmul(shift, x, scale, out=both[:, half:])
    return both


def packed_conv(
    weight: Tensor,
    bias: Tensor,
    shape: tuple[int, ...],
    *,
    stride: int,
    padding: int,
    activation: Activation | None = None,
) -> Conv:
    """A convolution with its weights packed for inputs of `shape`, where oneDNN is at hand."""
    weight, bias = weight.detach().contiguous(), bias.detach().contiguous()
    stride_, padding_, ones = (stride, stride), (padding, padding), (1, 1)
    if not torch.backends.mkldnn.is_available():
        return then(activation, lambda x: F.conv2d(x, weight, bias, stride, padding))
    packed = torch._C._nn.mkldnn_reorder_conv2d_weight(
        weight.to_mkldnn(), padding_, stride_, ones, 1, shape
    )
    run = torch.ops.mkldnn._convolution_pointwise
    inside, after = fused(activation)
    return then(after, lambda x: run(x, packed, bias, padding_, stride_, ones, 1, inside, [], ""))


def packed_pair(
    weight: Tensor,
    bias: Tensor,
    norm: tuple[Tensor, Tensor],
    size: tuple[int, int],
    activation: Activation,
) -> Callable[[Tensor, Tensor], Tensor]:
    """`(skip, x)` to the convolution of `beside(skip, x, *norm)`, stride 2 and padding 1.

    weight: `(out, skip + x, 4, 4)`; size: frames and bins of both inputs. The norm's scale goes
    into the weights. Its shift is padded with zeros as any input is, so that what it adds is a
    picture, not a number: it is drawn once.
    """
    scale, shift = norm
    half = weight.shape[1] - scale.shape[0]
    moved = shift.expand(1, -1, *size)
    picture = F.conv2d(moved, weight[:, half:], bias, stride=2, padding=1)
    picture = picture.contiguous(memory_format=torch.channels_last)
    of_skip, of_x = weight[:, :half].contiguous(), (weight[:, half:] * scale).contiguous()
    if not torch.backends.mkldnn.is_available():
        return lambda skip, x: activate(
            F.conv2d(skip, of_skip, None, 2, 1) + picture + F.conv2d(x, of_x, None, 2, 1),
            activation,
        )
    one, two = (1, 1), (2, 2)
    of_skip, of_x = (
        torch._C._nn.mkldnn_reorder_conv2d_weight(
            part.to_mkldnn(), one, two, one, 1, (1, part.shape[1], *size)
        )
        for part in (of_skip, of_x)
    )
    relu, after = ("relu", None) if activation == "relu" else (None, activation)
    run = torch.ops.mkldnn._convolution_pointwise
    add = torch.ops.mkldnn._convolution_pointwise_.binary

    def pair(skip: Tensor, x: Tensor) -> Tensor:
        sums = run(skip, of_skip, None, one, two, one, 1, "none", [], "").add_(picture)
        sums = add(sums, x, of_x, None, one, two, one, 1, "add", 1.0, relu, [], None)
        return sums if after is None else activate(sums, after)

    return pair


def packed_transposed(
    weight: Tensor, bias: Tensor, shape: tuple[int, ...], activation: Activation
) -> Conv:
    """The same for a transposed convolution that doubles frames and bins."""
    weight, bias = weight.detach().contiguous(), bias.detach().contiguous()
    two, ones = (2, 2), (1, 1)
    if not torch.backends.mkldnn.is_available():
        return then(
            activation, lambda x: F.conv_transpose2d(x, weight, bias, 2, 2, output_padding=1)
        )
    packed = torch.ops.mkldnn._reorder_convolution_transpose_weight(
        weight, two, ones, two, ones, 1, shape
    )
    run = torch.ops.mkldnn._convolution_transpose_pointwise
    inside, after = fused(activation)
    return then(after, lambda x: run(x, packed, bias, two, ones, two, ones, 1, inside, [], ""))


def fused(activation: Activation | None) -> tuple[str, Activation | None]:
    """What oneDNN does on the way out of a convolution, and what is left to do after it."""
    return ("relu", None) if activation == "relu" else ("none", activation)


def then(activation: Activation | None, conv: Conv) -> Conv:
    """The convolution and its activation."""
    return conv if activation is None else lambda x: activate(conv(x), activation)


def block_transposed(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """A transposed 5x5 convolution to one channel (stride 2, padding 2) as one of blocks.

    weight: `(in, 1, 5, 5)`. Returns `(16, in, 4, 4)` for stride 2 and padding 1: the output bin
    `2 i + k - 2` takes kernel tap `k` of input bin `i`, so the block of output bins `4 b + r`
    sees the four input bins from `2 b - 1`.
    """
    blocks = weight.new_zeros(BLOCK, BLOCK, weight.shape[0], 4, 4)
    for row in range(BLOCK):
        for col in range(BLOCK):
            for i in range(4):
                for j in range(4):
                    k, m = row + 2 - 2 * (i - 1), col + 2 - 2 * (j - 1)
                    if 0 <= k < 5 and 0 <= m < 5:
                        blocks[row, col, :, i, j] = weight[:, 0, k, m]
    return blocks.reshape(BLOCK * BLOCK, -1, 4, 4), bias.expand(BLOCK * BLOCK)


def block_dilated(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """A 4x4 convolution from one channel (dilation 2, padding 3) as one from blocks to blocks.

    weight: `(out, 1, 4, 4)`. Returns `(out * 16, 16, 3, 3)` for padding 1: the furthest tap lies
    three bins away, so a block needs its eight neighbours.
    """
    out = weight.shape[0]
    blocks = weight.new_zeros(out, BLOCK, BLOCK, BLOCK, BLOCK, 3, 3)
    for row in range(BLOCK):
        for col in range(BLOCK):
            for i in range(4):
                for j in range(4):
                    r, c = row - 3 + 2 * i, col - 3 + 2 * j
                    tap = (r % BLOCK, c % BLOCK, r // BLOCK + 1, c // BLOCK + 1)
                    blocks[:, row, col, *tap] = weight[:, 0, i, j]
    side = BLOCK * BLOCK
    return blocks.reshape(out * side, side, 3, 3), bias.repeat_interleave(side)
