"""MDX-Net: a graph that turns the spectrum of the mix into that of one stem.

Kim, Choi, Chung, Lee and Jung, "KUIELab-MDX-Net: a two-stream neural network for music demixing",
2021, arXiv 2111.12203: its networks on spectra, which Ultimate Vocal Remover (UVR) trained further
and publishes as ONNX graphs. Real and imaginary parts are channels; the lowest bins are silenced,
and those above the graph's are. What the graph leaves of the mix is the other stem, after its
output is raised by `compensation`, which UVR has found for each graph.

Axes: spectra `(batch, channel * 2, bin, frame)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.models.layers.centred import Centred
from unweave.models.layers.weights import settings
from unweave.models.mdx_net.options import BYTES_PER_SAMPLE
from unweave.models.mdx_net.program import program

__all__ = ["BYTES_PER_SAMPLE", "MdxNet", "MdxNetConfig", "build"]
SILENCED = 3  # bins from the lowest, which UVR zeroes


@dataclass(frozen=True, slots=True)
class MdxNetConfig:
    """What the graph does not say. Raises ValueError."""

    stems: tuple[str, ...] = ("vocals", "instrumental")
    channels: int = 2
    frame_size: int = 6144
    hop: int = 1024
    bins: int = 2048  # that the graph sees, from the lowest
    frames: int = 256
    compensation: float = 1.0  # of the first stem, before it is taken out of the mix

    def __post_init__(self) -> None:
        if len(self.stems) > 2:
            raise ValueError("MDX-Net makes one stem; a second one is what that leaves of the mix")
        if self.frame_size < 2 or self.frame_size % 2 or not 1 <= self.hop <= self.frame_size // 2:
            raise ValueError(
                "frame_size is even and hop at most half of it, got "
                f"{self.frame_size} and {self.hop}"
            )
        if not SILENCED < self.bins <= self.frame_size // 2 + 1 or self.frames < 2:
            raise ValueError(
                f"bins are {SILENCED + 1} to {self.frame_size // 2 + 1}, and frames 2 or more; got "
                f"{self.bins} and {self.frames}"
            )
        if not 0 < self.compensation < 10:
            raise ValueError(f"compensation must be above 0 and below 10; got {self.compensation}")

    @property
    def samples(self) -> int:
        """That the graph sees at once."""
        return self.hop * (self.frames - 1)


class MdxNet(nn.Module):
    """Waves to stems. Silence fills a segment that is shorter than what the graph sees."""

    def __init__(self, config: MdxNetConfig, graph: nn.Module) -> None:
        super().__init__()
        self.config, self.graph = config, graph
        self.transform = Centred(config.frame_size, config.hop)

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, channel, time)` to `(batch, stem, channel, time)`."""
        config, time = self.config, mix.shape[-1]
        spectrum = self.transform.analyse(F.pad(mix, (0, config.samples - time)))
        seen = spectrum[:, :, : config.bins]
        seen[:, :, :SILENCED] = 0
        # The batch of a published graph may be fixed.
        made = torch.cat([self.graph(each[None]) for each in seen])
        # Without the last factor the biases would hum where there is nothing.
        stem = self.transform.synthesise(made)[..., :time] * mix.any(-1).any(-1)[:, None, None]
        if len(config.stems) == 1:
            return stem[:, None]
        return torch.stack([stem, mix - config.compensation * stem], dim=1)


def build(
    stems: tuple[str, ...],
    channels: int,
    config: Mapping[str, Any],
    weights: Mapping[str, np.ndarray],
    *,
    runtime: str = "torch",
) -> MdxNet:
    """A network with its weights, with the options of a user, as a card describes it.

    Raises ValueError for settings that mean nothing, WeightsError for a graph that cannot run,
    UsageError where the runtime is not installed.
    """
    chosen = settings(MdxNetConfig, stems, channels, config)
    shape = 1, 2 * channels, chosen.bins, chosen.frames
    graph: nn.Module = program(weights, shape)
    if runtime != "torch":
        from unweave.models.mdx_net.runtime import OnnxRuntime

        graph = OnnxRuntime(graph, shape)
    return MdxNet(chosen, graph).eval().requires_grad_(False)
