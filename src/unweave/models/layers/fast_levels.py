"""Levels of the hybrid networks of the Demucs family, rearranged for inference on a CPU.

The same sums as in `layers/waveform.py` and in the networks, with more of the time in products of
matrices and fewer trips to memory:

1. A level of the spectrum branch keeps each bin's channels together: `(batch, bin, channel,
   frame)`. A convolution that strides over bins is then a product of matrices with overlapping
   views of its input, a transposed one whose kernel is two strides a product with two neighbouring
   bins, and neither has to gather anything. For the rest of the network that is the usual
   `(batch, channel, bin, frame)` with other strides.
2. Levels are narrow and have millions of numbers, so that memory decides how long small operations
   take. They see each bin by itself (or, in the time branch, few steps), so that some at a
   time go through all of them and stay in the cache.
3. Moments of what a linear layer gives follow from those of what it gets. So a norm behind the
   widening layer of a residual branch is worked out in the narrow space, and is then part of that
   layer's weights, as the branch's scale is.
4. What goes through a level at a time needs nothing of the rest, so that threads which have no
   segment of their own take some of it (`signal/threads.with_idle`).
5. The decoder's convolution over 3 x 3 neighbours gives four bins at a time from six products
   instead of twelve (Winograd 1980; Lavin and Gray, "Fast algorithms for convolutional neural
   networks", 2016, arXiv 1509.09308, F(4, 3)).

`tests/models/networks` holds the networks equal in both forms. What is made here is written over
in place where it is not needed again; nothing here is differentiable.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.models.layers.waveform import ResidualBranch, ResidualBranches, whole_strides
from unweave.signal.threads import with_idle

NUMBERS_AT_ONCE = 1 << 18  # of what has as many channels as a level
FRAMES_AT_ONCE = 384  # and at least so many steps: products of narrow matrices are slow
TILE = 4  # bins that the convolution over neighbours gives at once
BINS_AT_ONCE = 4 * TILE  # of a decoder's level on spectra, for one thread
# Lavin and Gray 2016, section 4.3: six bins to six sums, three taps to six, six products to four.
TO_SUMS = [
    [4, 0, -5, 0, 1, 0],
    [0, -4, -4, 1, 1, 0],
    [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0],
    [0, 2, -1, -2, 1, 0],
    [0, 4, 0, -5, 0, 1],
]
FROM_TAPS = [
    [1 / 4, 0, 0],
    [-1 / 6, -1 / 6, -1 / 6],
    [-1 / 6, 1 / 6, -1 / 6],
    [1 / 24, 1 / 12, 1 / 6],
    [1 / 24, -1 / 12, 1 / 6],
    [0, 0, 1],
]
TO_BINS = [
    [1, 1, 1, 1, 1, 0],
    [0, 1, -1, 2, -2, 0],
    [0, 1, 1, 4, 4, 0],
    [0, 1, -1, 8, -8, 1],
]


class Linear(nn.Module):
    """A matrix and a bias on the channels of `(batch, channel, time)`."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.register_buffer("weight", weight.detach().contiguous())
        self.register_buffer("bias", None if bias is None else bias.detach()[:, None])

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight.expand(len(x), -1, -1)
        return weight @ x if self.bias is None else torch.baddbmm(self.bias, weight, x)


class Branch(nn.Module):
    """One residual branch without LSTM and attention, added to what enters it."""

    def __init__(self, branch: ResidualBranch) -> None:
        super().__init__()
        squeeze: Any = branch.squeeze
        expand: Any = branch.expand
        norm: Any = branch.norm2
        scale: Any = branch.scale
        self.dilation, self.norm = squeeze.dilation[0], branch.norm1
        taps = squeeze.weight.permute(2, 0, 1).flatten(0, 1)  # (3 * narrow, width), one tap's first
        self.taps = Linear(taps, None)
        self.epsilon = norm.eps
        weight = expand.weight[..., 0]  # (2 * width, narrow)
        factor = torch.cat((scale.scale, torch.ones_like(scale.scale)))
        for name, value in {
            "squeeze_bias": squeeze.bias[:, None],
            "expand": weight,
            "expand_bias": expand.bias[:, None],
            "gram": weight.T @ weight / len(weight),
            "norm_weight": (norm.weight * factor)[:, None],
            "norm_bias": (norm.bias * factor)[:, None],
        }.items():
            self.register_buffer(name, value.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, width, time)` to the same, in place."""
        weight, bias, narrow = self.normalised(self.squeezed(x))
        for part, seen in zip(steps(x), narrow.split(steps_of(x), dim=2), strict=True):
            value, gate = torch.baddbmm(bias, weight, seen).chunk(2, dim=1)
            part.addcmul_(value, gate.sigmoid_())
        return x

    def squeezed(self, x: Tensor) -> Tensor:
        """The dilated convolution, its norm and GELU: `(batch, narrow, time)`."""
        before, here, after = self.taps(x).chunk(3, dim=1)
        here = here + self.squeeze_bias
        here[..., self.dilation :] += before[..., : -self.dilation]
        here[..., : -self.dilation] += after[..., self.dilation :]
        return F.gelu(self.norm(here))

    def normalised(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The widening layer with the norm behind it, for this input, and the input centred.

        weight `(batch, 2 * width, narrow)`, bias `(batch, 2 * width, 1)`.
        """
        with torch.autocast(x.device.type, enabled=False):  # moments need all of their bits
            mean = x.mean(2, keepdim=True)
            x = x - mean
            covariance = x @ x.transpose(1, 2) / x.shape[2]  # (batch, narrow, narrow)
            centre = self.expand @ mean + self.expand_bias  # (batch, 2 * width, 1)
            centre = centre - centre.mean(1, keepdim=True)
            within = (covariance * self.gram).sum((1, 2), keepdim=True)
            variance = within + centre.square().mean(1, keepdim=True)
            factor = self.norm_weight * torch.rsqrt(variance + self.epsilon)
            return factor * self.expand, factor * centre + self.norm_bias, x


class Inner(nn.Sequential):
    """All residual branches of a level, in place."""

    def __init__(self, branches: nn.Module | None) -> None:
        plain = branches if isinstance(branches, ResidualBranches) else ()
        super().__init__(*(Branch(branch) for branch in plain))


class TimeDown(nn.Module):
    """An encoder's level on waves."""

    def __init__(self, conv: nn.Conv1d, residual: nn.Module | None, rewrite: nn.Conv1d) -> None:
        super().__init__()
        self.conv, self.residual = conv, Inner(residual)
        self.rewrite = Linear(rewrite.weight[..., 0], rewrite.bias)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inner, time)` to `(batch, outer, time / stride)`."""
        x = self.residual(F.gelu(self.conv(whole_strides(x, self.conv.stride[0]))))
        with_idle(lambda part: part.copy_(gated(self.rewrite(part))), steps(x))
        return x


class BinsDown(nn.Module):
    """An encoder's level on spectra, which strides over bins."""

    def __init__(self, conv: nn.Conv2d, residual: nn.Module | None, rewrite: nn.Conv2d) -> None:
        super().__init__()
        self.stride = conv.stride[0]
        self.conv = Linear(conv.weight[..., 0].transpose(1, 2).flatten(1), conv.bias)
        self.residual = Inner(residual)
        self.rewrite = Linear(rewrite.weight[..., 0, 0], rewrite.bias)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inner, bin, frame)` to `(batch, outer, bin / stride, frame)`."""
        x = x.transpose(1, 2)
        batch, bins, _, frames = x.shape
        outer = len(self.conv.weight)
        out = x.new_empty(batch, bins // self.stride, outer, frames)
        at_once = max(1, NUMBERS_AT_ONCE // (outer * frames))
        for item, result in zip(x, out, strict=True):
            firsts = range(0, len(result), at_once)
            with_idle(partial(self.some, item), zip(firsts, result.split(at_once), strict=True))
        return out.transpose(1, 2)

    def some(self, x: Tensor, place: tuple[int, Tensor]) -> None:
        """From all bins that come in to some that go out, the first of them and where they lie."""
        first, out = place
        rows, start = self.stride * x.shape[1], self.stride * first - self.stride // 2
        seen = span(x, start, start + self.stride * (len(out) + 1))
        windows = seen.flatten(0, 1).unfold(0, 2 * rows, rows).transpose(1, 2)
        inside = self.residual(F.gelu(self.conv(windows)))  # (bin, outer, frame)
        out.copy_(gated(self.rewrite(inside)))


class TimeUp(nn.Module):
    """A decoder's level on waves; its gated convolution sees one neighbour on either side."""

    def __init__(
        self,
        gate: nn.Conv1d,
        residual: nn.Module | None,
        stretch: nn.ConvTranspose1d,
        *,
        outermost: bool,
    ) -> None:
        super().__init__()
        self.stride, self.outermost = stretch.stride[0], outermost
        self.gate = Linear(gate.weight.transpose(1, 2).flatten(1), gate.bias)
        self.residual, self.stretch = Inner(residual), Linear(*blocks(stretch))

    def forward(self, x: Tensor, skip: Tensor, length: int) -> Tensor:
        """`(batch, outer, time)`, twice, to `(batch, inner, length)`."""
        out, at_once = torch.empty_like(x), steps_of(x)

        def some(first: int) -> None:
            part = out[..., first : first + at_once]
            last = first + part.shape[2]
            where = slice(max(0, first - 1), last + 1)
            seen = x[..., where] + skip[..., where]
            seen = F.pad(seen, (int(first == 0), int(last == out.shape[2])))
            part.copy_(gated(self.gate(beside(seen))))

        with_idle(some, range(0, out.shape[2], at_once))
        out = F.pad(self.residual(out), (1, 1))
        pairs = torch.cat((out[..., :-1], out[..., 1:]), dim=1)
        stretched = self.stretch(pairs).unflatten(1, (self.stride, -1))
        wave = stretched.permute(0, 2, 3, 1).flatten(2)  # (batch, inner, (time + 1) * stride)
        wave = wave.narrow(2, self.stride // 2, length)
        return wave if self.outermost else F.gelu(wave)


class BinsUp(nn.Module):
    """A decoder's level on spectra; its gated convolution sees 3 x 3 neighbours."""

    def __init__(
        self,
        gate: nn.Conv2d,
        residual: nn.Module | None,
        stretch: nn.ConvTranspose2d,
        *,
        outermost: bool,
    ) -> None:
        super().__init__()
        self.stride, self.outermost = stretch.stride[0], outermost
        self.gate, self.residual = Neighbours(gate), Inner(residual)
        self.stretch = Linear(*blocks(stretch))

    def forward(self, x: Tensor, skip: Tensor, length: int | None = None) -> Tensor:
        """`(batch, outer, bin, frame)`, twice, to `(batch, inner, length, frame)`.

        length: by default the bins times the stride.
        """
        x, skip = x.transpose(1, 2), skip.transpose(1, 2)
        batch, bins, outer, frames = x.shape
        inner = len(self.stretch.weight) // self.stride
        out = x.new_empty(batch, (bins + 1) * self.stride, inner, frames)
        edge = x.new_zeros(outer, frames)
        for item, other, result in zip(x, skip, out, strict=True):
            starts = range(0, bins, BINS_AT_ONCE)
            ends = with_idle(partial(self.some, item, other, result), starts)
            # What lies between those and others, or nothing.
            firsts, lasts = zip(*ends, strict=True)
            below, above = torch.stack([edge, *lasts]), torch.stack([*firsts, edge])
            between = self.stretched(torch.cat((below, above), dim=1))
            for start, rows in zip([*starts, bins], between, strict=True):
                result[start * self.stride :][: self.stride] = rows
        length = bins * self.stride if length is None else length
        return out.transpose(1, 2).narrow(2, self.stride // 2, length)

    def some(self, x: Tensor, skip: Tensor, out: Tensor, start: int) -> tuple[Tensor, Tensor]:
        """From some bins that come in to what lies between them; the first and the last of them,
        `(outer, frame)`, after the gated convolution and the residual branches."""
        first, last = None, None
        for begin in range(start, min(start + BINS_AT_ONCE, len(x)), TILE):
            where = begin - 1, begin - 1 + TILE + 2
            seen = span(x, *where) + span(skip, *where)
            inside = self.residual(self.gate(seen)[: len(x) - begin])
            first = inside[0] if first is None else first
            inside = inside if last is None else torch.cat((last, inside))
            if len(inside) > 1:
                outer = inside.shape[1]
                pairs = inside.flatten(0, 1).unfold(0, 2 * outer, outer).transpose(1, 2)
                made = self.stretched(pairs).flatten(0, 1)
                out[: min(begin + TILE, len(x)) * self.stride][-len(made) :] = made
            last = inside[-1:]
        assert first is not None
        assert last is not None
        return first, last[0]

    def stretched(self, pairs: Tensor) -> Tensor:
        """`(pair, 2 * outer, frame)`, of a bin and the next, to the `(pair, stride, inner, frame)`
        that lie between the two."""
        made = self.stretch(pairs).unflatten(1, (self.stride, -1))
        return made if self.outermost else F.gelu(made)


class Neighbours(nn.Module):
    """A gated convolution over 3 x 3 neighbours, of six bins for the four in their middle."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        assert conv.bias is not None
        taps = torch.einsum("jb,oibf->jofi", torch.tensor(FROM_TAPS).double(), conv.weight.double())
        self.register_buffer(
            "weight", taps.flatten(2).float().detach()
        )  # (6, 2 * outer, 3 * outer)
        self.register_buffer("bias", conv.bias.detach()[:, None])
        self.register_buffer("to_sums", torch.tensor(TO_SUMS, dtype=torch.float32))
        self.register_buffer("to_bins", torch.tensor(TO_BINS, dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        """`(6, channel, frame)` to `(4, channel, frame)`, frames beyond the ends being zero."""
        frames, padded = x.shape[2], F.pad(x, (1, 1))
        pieces = math.ceil(frames / max(FRAMES_AT_ONCE, NUMBERS_AT_ONCE // (TILE * x.shape[1])))
        out = x.new_empty(TILE, x.shape[1], frames)
        for part in out.tensor_split(pieces, dim=2):
            first = part.storage_offset() - out.storage_offset()
            part.copy_(gated(self.some(padded[..., first : first + part.shape[2] + 2])))
        return out

    def some(self, x: Tensor) -> Tensor:
        """`(6, channel, frame + 2)` to `(4, 2 * channel, frame)`, not yet gated."""
        sums = (self.to_sums @ x.flatten(1)).unflatten(1, x.shape[1:])
        products = self.weight @ beside(sums)  # (6, 2 * channel, frame)
        products[1] += self.bias  # which is in each of the four once
        return (self.to_bins @ products.flatten(1)).unflatten(1, products.shape[1:])


def blocks(conv: nn.ConvTranspose1d | nn.ConvTranspose2d) -> tuple[Tensor, Tensor]:
    """A transposed convolution whose kernel is two strides, as a layer on two neighbours.

    Its weights are `(stride * outer, 2 * inner)`: the former neighbour gets the later taps.
    """
    assert conv.bias is not None
    stride = conv.stride[0]
    taps = conv.weight.flatten(2).unflatten(2, (2, stride)).flip(2)  # (inner, outer, 2, stride)
    return taps.permute(3, 1, 2, 0).flatten(2).flatten(0, 1), conv.bias.repeat(stride)


def gated(x: Tensor) -> Tensor:
    """The gated linear unit of `(batch, 2 * channel, time)`; writes over it."""
    value, gate = x.chunk(2, dim=1)
    return value.mul_(gate.sigmoid_())


def beside(x: Tensor) -> Tensor:
    """`(batch, channel, time + 2)` to `(batch, 3 * channel, time)`: each step, its neighbours."""
    time = x.shape[2] - 2
    return torch.cat([x[..., n : n + time] for n in range(3)], dim=1)


def span(x: Tensor, start: int, stop: int) -> Tensor:
    """`x[start:stop]` of `(bin, channel, frame)`, zero beyond its ends."""
    part = x[max(0, start) : stop]
    below, above = max(0, -start), max(0, stop - max(start, len(x)))
    return F.pad(part, (0, 0, 0, 0, below, above)) if below or above else part


def steps_of(x: Tensor) -> int:
    """How many steps of `(batch, channel, time)` stay in the cache."""
    return max(1, NUMBERS_AT_ONCE // x[..., 0].numel())


def steps(x: Tensor) -> Iterator[Tensor]:
    """Views of so many steps each."""
    yield from x.split(steps_of(x), dim=2)
