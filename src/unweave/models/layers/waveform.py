"""What networks on waves share: moments, LSTM in chunks, local attention, residual branches.

The blocks are those of the Demucs family (Défossez et al. 2019, 2021), with its initial weights.
Axes here: `(batch, channel, time)`, time being whatever steps a level of the network has.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.signal.threads import together, with_idle

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d)


def moments(x: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Mean and deviation over `axes`, kept as axes of one; a single value deviates by 0."""
    count = math.prod(x.shape[axis] for axis in axes)
    return x.mean(axes, keepdim=True), x.std(axes, keepdim=True, correction=min(1, count - 1))


def widths(first: int, growth: float, levels: int) -> list[int]:
    """The channels of each level, each `growth` times the last's, rounded down."""
    found = [first]
    while len(found) < levels:
        found.append(int(growth * found[-1]))
    return found


def centre_cut(x: Tensor, length: int) -> Tensor:
    """The middle `length` steps; where the rest is odd, one step more goes at the end."""
    return x.narrow(-1, (x.shape[-1] - length) // 2, length)


def with_remainder(mix: Tensor, stems: Tensor) -> Tensor:
    """Stems `(batch, stem, channel, time)` and one more: what they leave of the mix
    `(batch, channel, time)`."""
    return torch.cat([stems, (mix - stems.sum(1))[:, None]], dim=1)


def whole_strides(x: Tensor, stride: int) -> Tensor:
    """`(..., time)` filled up at the end."""
    return F.pad(x, (0, -x.shape[-1] % stride))


@torch.no_grad()
def rescale(network: nn.Module, reference: float = 0.1) -> None:
    """Bring the initial weights of all convolutions nearer to one size (Demucs 2019, section 4.2).

    Each is divided by `sqrt(deviation / reference)`, and its bias too.
    """
    for module in network.modules():
        if isinstance(module, CONVOLUTIONS):
            scale = (module.weight.std() / reference).sqrt()
            module.weight /= scale
            if module.bias is not None:
                module.bias /= scale


def wandering(bins: int, width: int) -> Tensor:
    """Random vectors that change slowly from bin to bin: a random walk, its growth taken out."""
    steps = torch.arange(1, bins + 1).sqrt()
    return torch.randn(bins, width).cumsum(0) / steps[:, None]


class Blstm(nn.Module):
    """Bidirectional LSTM over time and a projection back to the width it was given.

    With `chunk`, a longer input is cut into chunks that overlap by half, and of each the middle
    half is kept: the cost stays linear, and time can be batched.
    """

    def __init__(
        self, width: int, layers: int = 2, *, chunk: int | None = None, residual: bool = False
    ) -> None:
        super().__init__()
        self.chunk = chunk
        self.residual = residual
        self.lstm: nn.Module = nn.LSTM(width, width, num_layers=layers, bidirectional=True)
        self.linear = nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, width, time)` to the same shape."""
        if self.chunk is None or x.shape[-1] <= self.chunk:
            y = self.steps(x)
        else:
            y = self.in_chunks(x, self.chunk)
        return x + y if self.residual else y

    def steps(self, x: Tensor) -> Tensor:
        y, _ = self.lstm(x.permute(2, 0, 1))  # (time, batch, 2 * width)
        return self.linear(y).permute(1, 2, 0)  # (batch, width, time)

    def in_chunks(self, x: Tensor, size: int) -> Tensor:
        batch, width, time = x.shape
        hop, edge = size // 2, size // 4
        x = F.pad(x, (0, (math.ceil(time / hop) - 1) * hop + size - time))
        chunks = x.unfold(-1, size, hop).transpose(1, 2)  # (batch, chunk, width, size)
        y = self.steps(chunks.reshape(-1, width, size))  # (batch * chunk, width, size)
        y = y.reshape(batch, -1, width, size).transpose(1, 2)  # (batch, width, chunk, size)
        middle = y[..., edge:-edge].flatten(2)  # (batch, width, chunk * hop)
        return torch.cat([y[:, :, 0, :edge], middle, y[:, :, -1, -edge:]], dim=-1)[..., :time]


class TwoWays(nn.Module):
    """A bidirectional LSTM for inference, each direction of a layer by itself.

    A thread of the engine that is idle takes one of them (`signal/threads.together`).
    """

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        self.ways = nn.ModuleList()
        width = lstm.input_size
        for n in range(lstm.num_layers):
            for end in ("", "_reverse"):
                one = nn.LSTM(width, lstm.hidden_size).requires_grad_(False)
                for name, value in one.named_parameters():
                    value.data = getattr(lstm, name.replace("_l0", f"_l{n}{end}")).data
                self.ways.append(one)
            width = 2 * lstm.hidden_size

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        """`(time, batch, width)` to `(time, batch, 2 * hidden)`; there are no states."""
        for ahead, back in zip(self.ways[::2], self.ways[1::2], strict=True):
            y, z = together(partial(ahead, x), partial(back, x.flip(0)))
            x = torch.cat((y[0], z[0].flip(0)), dim=-1)
        return x, None


class LocalAttention(nn.Module):
    """Attention over time without positions; instead each step says how fast its view fades.

    From the logits of a step, `slope * distance` is taken, `slope` being a sum of `decays` gates
    of growing weight. A step does not look at itself (Hybrid Demucs 2021, section 3.2).
    """

    def __init__(self, width: int, heads: int = 4, decays: int = 4) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"attention of {heads} heads needs a multiple of them, got {width}")
        self.heads = heads
        self.content = nn.Conv1d(width, width, 1)
        self.query = nn.Conv1d(width, width, 1)
        self.key = nn.Conv1d(width, width, 1)
        self.decay = nn.Conv1d(width, heads * decays, 1)
        self.project = nn.Conv1d(width, width, 1)
        with torch.no_grad():  # views are wide to begin with
            self.decay.weight *= 0.01
            self.decay.bias.fill_(-2.0)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, width, time)` to the same shape."""
        parts = (
            layer(x).chunk(self.heads, dim=1)  # (batch, width / heads, time)
            for layer in (self.query, self.key, self.content, self.decay)
        )
        heads = with_idle(self.head, zip(*parts, strict=True))
        return x + self.project(torch.cat(heads, dim=1))

    @staticmethod
    def head(parts: tuple[Tensor, ...]) -> Tensor:
        """Query, key, content and gates of a head, `(batch, any, time)`, to content again."""
        query, key, content, gates = parts
        dots = key.transpose(-1, -2) @ query / math.sqrt(key.shape[1])  # (batch, key, query)
        decays, time = gates.shape[1:]
        weight = torch.arange(1, decays + 1, device=gates.device, dtype=gates.dtype)
        slope = weight @ (gates.sigmoid() / 2) / math.sqrt(decays)  # (batch, query)
        at = torch.arange(time, device=gates.device, dtype=gates.dtype)
        dots = dots - slope[:, None] * (at[:, None] - at).abs()
        itself = torch.eye(time, device=gates.device, dtype=torch.bool)
        return content @ dots.masked_fill(itself, -100.0).softmax(dim=1)


class Scale(nn.Module):
    """One learned factor per channel, small to begin with (Touvron et al. 2021)."""

    def __init__(self, width: int, start: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((width,), start))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale[:, None] * x


class ResidualBranch(nn.Sequential):
    """One dilated convolution in a narrow space, where asked with an LSTM and attention there."""

    def __init__(
        self, width: int, narrow: int, dilation: int, *, lstm: bool, attention: bool, start: float
    ) -> None:
        squeeze = nn.Conv1d(width, narrow, 3, dilation=dilation, padding=dilation)
        parts: dict[str, nn.Module] = {"squeeze": squeeze, "norm1": nn.GroupNorm(1, narrow)}
        parts["gelu"] = nn.GELU()
        if lstm:
            parts["lstm"] = Blstm(narrow, chunk=200, residual=True)
        if attention:
            parts["attention"] = LocalAttention(narrow)
        parts["expand"] = nn.Conv1d(narrow, 2 * width, 1)
        parts["norm2"] = nn.GroupNorm(1, 2 * width)
        parts["glu"] = nn.GLU(dim=1)  # (batch, width, time)
        parts["scale"] = Scale(width, start)
        super().__init__(OrderedDict(parts))


class ResidualBranches(nn.ModuleList):
    """Branches of growing dilation, each added to what enters it."""

    def __init__(
        self,
        width: int,
        *,
        count: int = 2,
        compress: int = 4,
        lstm: bool = False,
        attention: bool = False,
        start: float = 1e-4,
    ) -> None:
        super().__init__(
            ResidualBranch(
                width, width // compress, 2**n, lstm=lstm, attention=attention, start=start
            )
            for n in range(count)
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, width, time)` to the same shape."""
        for branch in self:
            x = x + branch(x)
        return x
