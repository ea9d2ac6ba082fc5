"""DNN, recurrent and LSTM networks that give every stem's magnitudes, made masks inside them.

Huang, Kim, Hasegawa-Johnson and Smaragdis, "Joint optimization of masks and deep recurrent neural
networks for monaural source separation", IEEE/ACM TASLP 23(12), 2015. A frame's magnitudes and
those of its neighbours pass through layers of ReLU; the output has a magnitude for each stem and
bin, and the masking layer divides them by their sum, so that what is learned is the mask.
`recurrent` names the layers that remember: none is the DNN, (2,) the DRNN-2, all of them the
stacked RNN. With `lstm` they are LSTMs that read the frames in both directions.

Axes: spectra `(batch, channel, frame, bin)`; features `(batch, frame, feature)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.models.layers.masks import Transform, check_exponent, level, separate
from unweave.models.layers.weights import builder

EPSILON = 1e-10  # the paper's, in the masking layer


@dataclass(frozen=True, slots=True)
class MaskInferenceConfig:
    """Everything that decides the shape; the defaults are the paper's DRNN-2. Raises ValueError."""

    stems: tuple[str, ...] = ("vocals", "accompaniment")
    channels: int = 1
    frame_size: int = 1024
    hop: int = 512
    context: int = 3  # frames that are seen at once, an odd number
    layers: int = 3
    width: int = 1000
    recurrent: tuple[int, ...] = (2,)  # which layers are, counted from 1
    lstm: bool = False  # what recurs is an LSTM, in both directions of half the width each
    dropout: float = 0.0  # between layers
    exponent: float = 1.0  # of the magnitudes that the network sees: below 1 compresses them

    def __post_init__(self) -> None:
        check_exponent(self.exponent)
        if self.context < 1 or self.context % 2 == 0:
            raise ValueError(f"context is an odd number of frames, got {self.context}")
        if any(not 1 <= layer <= self.layers for layer in self.recurrent):
            raise ValueError(f"recurrent names layers from 1 to {self.layers}")
        if self.lstm and self.width % 2:
            raise ValueError(f"an LSTM has half the width in each direction, got {self.width}")

    @property
    def bins(self) -> int:
        return self.frame_size // 2 + 1


class Feedforward(nn.Module):
    """A layer that knows nothing but its frame."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, out)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, frame, width)` to `(batch, frame, out)`."""
        return F.relu(self.linear(x))


class Recurrent(nn.Module):
    """A layer that adds what it made of the frame before, through ReLU; or an LSTM."""

    def __init__(self, width: int, out: int, lstm: bool) -> None:
        super().__init__()
        if lstm:
            self.cell: nn.Module = nn.LSTM(width, out // 2, batch_first=True, bidirectional=True)
        else:
            self.cell = nn.RNN(width, out, nonlinearity="relu", batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, frame, width)` to `(batch, frame, out)`."""
        return self.cell(x)[0]


class MaskInference(nn.Module):
    """Masks that sum to one, from layers over frames."""

    def __init__(self, config: MaskInferenceConfig) -> None:
        super().__init__()
        self.transform = Transform(config.frame_size, config.hop)
        self.config = config
        size = config.channels * config.bins
        widths = [config.context * size, *[config.width] * config.layers]
        self.layers = nn.ModuleList(
            Recurrent(widths[n], widths[n + 1], config.lstm)
            if n + 1 in config.recurrent
            else Feedforward(widths[n], widths[n + 1])
            for n in range(config.layers)
        )
        self.dropout = nn.Dropout(config.dropout)
        self.out = nn.Linear(widths[-1], len(config.stems) * size)

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, channel, time)` to `(batch, stem, channel, time)`."""
        return separate(self, mix)

    def estimate(self, spectrum: Tensor) -> Tensor:
        """The mix's `(batch, channel, frame, bin)` to `(batch, stem, channel, frame, bin)`."""
        return self.masks(spectrum) * spectrum[:, None]

    def masks(self, spectrum: Tensor) -> Tensor:
        """The masking layer, `(batch, stem, channel, frame, bin)`: what a bin has for each stem,
        divided by what it has in all."""
        config = self.config
        magnitudes = (spectrum / level(spectrum)).abs() ** config.exponent
        x = self.neighbours(magnitudes.transpose(1, 2).flatten(2))  # (batch, frame, feature)
        for layer in self.layers:
            x = self.dropout(layer(x))
        shape = (len(config.stems), config.channels, config.bins)
        parts = self.out(x).float().abs().unflatten(2, shape)  # (batch, frame, stem, channel, bin)
        masks = (parts + EPSILON / shape[0]) / (parts.sum(2, keepdim=True) + EPSILON)
        return masks.permute(0, 2, 3, 1, 4)

    def neighbours(self, x: Tensor) -> Tensor:
        """Each frame with those around it, edges repeated: `(batch, frame, context * size)`."""
        around = self.config.context // 2
        if not around:
            return x
        ends = [x[:, :1]] * around, [x[:, -1:]] * around
        padded = torch.cat([*ends[0], x, *ends[1]], dim=1)
        return padded.unfold(1, self.config.context, 1).transpose(2, 3).flatten(2)


NETWORK = (MaskInferenceConfig, MaskInference)
build = builder(MaskInferenceConfig, MaskInference)
BYTES_PER_SAMPLE = 140.0  # working memory of DRNN-2: benchmarks/networks/memory.py
