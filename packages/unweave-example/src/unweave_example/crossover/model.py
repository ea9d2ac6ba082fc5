"""A network of one layer: each bin of the spectrum has a learnt share for every stem."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unweave.models.layers.masks import Transform, separate
from unweave.models.layers.weights import builder


@dataclass(frozen=True, slots=True)
class CrossoverConfig:
    """Everything that decides the shape."""

    stems: tuple[str, ...] = ("low", "high")
    channels: int = 1
    frame_size: int = 1024
    hop: int = 256


class Crossover(nn.Module):
    """Masks that sum to one, the same in every frame."""

    def __init__(self, config: CrossoverConfig, sharpness: float = 1.0) -> None:
        super().__init__()
        self.transform = Transform(config.frame_size, config.hop)
        self.sharpness = sharpness
        self.shares = nn.Parameter(torch.zeros(len(config.stems), config.frame_size // 2 + 1))

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, channel, time)` to `(batch, stem, channel, time)`."""
        return separate(self, mix)

    def estimate(self, spectrum: Tensor) -> Tensor:
        """The mix's `(batch, channel, frame, bin)` to `(batch, stem, channel, frame, bin)`."""
        masks = (self.sharpness * self.shares).softmax(0)[:, None, None]
        return masks * spectrum[:, None]


NETWORK = (CrossoverConfig, Crossover)  # makes it one that `unweave train` trains
build = builder(CrossoverConfig, Crossover)
BYTES_PER_SAMPLE = 60.0  # working memory of a segment
