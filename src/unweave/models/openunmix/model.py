"""Open-Unmix: one bidirectional LSTM per stem on magnitudes, and a Wiener filter over all stems.

Stöter, Uhlich, Liutkus and Mitsufuji, "Open-Unmix - a reference implementation for music source
separation", JOSS 4(41), 1667, 2019. A frame's magnitudes below `seen` bins are normalised and
squeezed into `hidden` numbers; three layers of LSTM follow the song in both directions; two dense
layers make of both a gain for every bin, which the magnitudes are multiplied by. The filter
(`signal/wiener_em.py`) makes images of them in blocks of `block` frames.

The original's LSTM runs over a whole song. Here it runs over a segment, so that memory does not
grow with the song; a card's segments start on multiples of `block` frames, so that its filter has
the original's blocks.

Axes here: spectra `(batch, channel, frame, bin)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn

from unweave.models.layers.spectra import mirrored
from unweave.models.layers.weights import builder
from unweave.signal import stft
from unweave.signal.threads import with_idle
from unweave.signal.wiener_em import images

# Where frames overlap by half, just the edge of the last one may reach the last samples: they fade
# there, instead of being divided by nearly nothing.
LEAST_ENVELOPE = 0.01
BLOCKS_AT_ONCE = 2  # of the filter, by idle threads: each takes 120 MB at the published size


@dataclass(frozen=True, slots=True)
class OpenUnmixConfig:
    """Everything that decides the shape; the defaults are those of umxhq. Raises ValueError."""

    stems: tuple[str, ...] = ("vocals", "drums", "bass", "other")
    channels: int = 2
    hidden: int = 512  # of the dense layers, and of both directions of the LSTM together
    layers: int = 3  # of the LSTM
    seen: int = 1487  # bins that the network sees; it makes a gain for every bin
    frame_size: int = 4096
    hop: int = 1024
    block: int = 300  # frames that share a spatial covariance in the filter

    def __post_init__(self) -> None:
        if self.channels not in (1, 2):
            raise ValueError(f"its filter takes 1 or 2 channels, got {self.channels}")
        if self.hidden % 2:
            raise ValueError(f"hidden is even, for two directions, got {self.hidden}")
        if not 1 <= self.seen <= self.bins:
            raise ValueError(f"seen is 1 to {self.bins} bins, got {self.seen}")
        if self.frame_size % 2 or self.hop < 1 or self.frame_size % self.hop:
            raise ValueError(f"frames of {self.frame_size} samples at a hop of {self.hop}")
        if self.hop > self.frame_size // 2 or self.block < 1:
            raise ValueError("hop is at most half of frame_size, and block at least 1")

    @property
    def bins(self) -> int:
        return self.frame_size // 2 + 1


class Net(nn.Module):
    """The network of one stem, in the three steps that a song is taken through."""

    def __init__(self, config: OpenUnmixConfig) -> None:
        super().__init__()
        hidden, out = config.hidden, config.channels * config.bins
        self.shape = config.channels, config.bins
        self.input_mean = nn.Parameter(torch.zeros(config.seen))  # added: it has the minus sign
        self.input_scale = nn.Parameter(torch.ones(config.seen))
        self.fc1 = nn.Linear(config.channels * config.seen, hidden, bias=False)
        self.bn1 = nn.BatchNorm1d(hidden)
        self.lstm = nn.LSTM(
            hidden, hidden // 2, config.layers, batch_first=True, dropout=0.4, bidirectional=True
        )
        self.fc2 = nn.Linear(2 * hidden, hidden, bias=False)
        self.bn2 = nn.BatchNorm1d(hidden)
        self.fc3 = nn.Linear(hidden, out, bias=False)
        self.bn3 = nn.BatchNorm1d(out)
        self.output_scale = nn.Parameter(torch.ones(config.bins))
        self.output_mean = nn.Parameter(torch.ones(config.bins))

    def encode(self, magnitudes: Tensor) -> Tensor:
        """`(batch, channel, frame, seen)` to `(batch, frame, hidden)`."""
        x = (magnitudes + self.input_mean) * self.input_scale
        x = self.fc1(x.transpose(1, 2).flatten(2))
        return normalised(self.bn1, x).tanh_()

    def follow(self, x: Tensor) -> Tensor:
        """`(batch, frame, hidden)` of all frames, and what the LSTM makes of them beside it."""
        return torch.cat([x, self.lstm(x)[0]], dim=-1)

    def decode(self, x: Tensor) -> Tensor:
        """`(batch, frame, 2 * hidden)` to gains `(batch, channel, frame, bin)`."""
        x = normalised(self.bn2, self.fc2(x)).relu_()
        x = normalised(self.bn3, self.fc3(x)).unflatten(-1, self.shape)
        return (x * self.output_scale).add_(self.output_mean).relu_().transpose(1, 2)


def normalised(norm: nn.Module, x: Tensor) -> Tensor:
    """Batch normalisation of `(batch, frame, feature)`."""
    y: Tensor = norm(x.flatten(0, 1))
    return y.unflatten(0, x.shape[:2])


class OpenUnmix(nn.Module):
    """Waves to stems. Segments of any length; their ends are mirrored."""

    def __init__(self, config: OpenUnmixConfig, *, niter: int = 1, residual: bool = False) -> None:
        super().__init__()
        # One stem alone would be all of the mix to the filter.
        self.config, self.niter, self.residual = config, niter, residual or len(config.stems) == 1
        self.nets = nn.ModuleDict({stem: Net(config) for stem in config.stems})

    def select(self, stems: Sequence[str]) -> OpenUnmix | None:
        """The network of some stems; None where the filter needs all of them."""
        if self.niter:
            return None
        with torch.device("meta"):
            narrowed = OpenUnmix(replace(self.config, stems=tuple(stems)), niter=0)
        narrowed.nets = nn.ModuleDict({stem: self.nets[stem] for stem in stems})
        return narrowed.eval()

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, channel, time)` to `(batch, stem, channel, time)`."""
        size, hop, length = self.config.frame_size, self.config.hop, mix.shape[-1]
        window = torch.hann_window(size, device=mix.device)
        spectrum = stft.stft(mirrored(mix, size // 2, size // 2), window, hop)
        frames = spectrum.shape[-2]
        waves = stft.overlap_add(self.images(spectrum), frames, window, hop)
        inner = slice(size // 2, size // 2 + length)
        total = stft.envelope(window.cpu(), hop, frames)[inner].clamp_(min=LEAST_ENVELOPE)
        return waves[..., inner].div_(total.to(mix.device))

    def images(self, spectrum: Tensor) -> Iterator[stft.Group]:
        """The spectra of the stems, `(batch, stem, channel, frame, bin)`, some frames at a time."""
        frames, seen = spectrum.shape[-2], self.config.seen
        nets = [cast(Net, net) for net in self.nets.values()]

        def state(net: Net) -> Tensor:
            parts = (spectrum[..., some, :seen] for some in stft.groups(frames))
            return net.follow(torch.cat([net.encode(stft.magnitude(part)) for part in parts], 1))

        states = with_idle(state, nets)

        def block(some: slice) -> stft.Group:
            mix = spectrum[..., some, :]
            magnitudes = stft.magnitude(mix)
            gains = (net.decode(x[:, some]) for net, x in zip(nets, states, strict=True))
            estimates = torch.stack([each.mul_(magnitudes) for each in gains], dim=1)
            return some, images(estimates, mix, self.niter, residual=self.residual)

        blocks = list(stft.groups(frames, self.config.block))
        for few in stft.groups(len(blocks), BLOCKS_AT_ONCE):
            yield from with_idle(block, blocks[few])


build = builder(OpenUnmixConfig, OpenUnmix)
BYTES_PER_SAMPLE = 200.0  # one call of umxhq on a segment of its card takes 516 MB, of umxl more
