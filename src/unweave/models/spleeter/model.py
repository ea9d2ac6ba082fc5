"""Spleeter: one U-Net per stem on the magnitudes of a segment, ratio masks on its spectrum.

Hennequin, Khlif, Voituret and Moussallam, "Spleeter: a fast and efficient music source separation
tool with pre-trained models", JOSS 5(50), 2020; the U-Net is that of Jansson et al., ISMIR 2017,
with 5x5 kernels and stride 2. Shapes and quirks follow the published weights:

- the skip connections carry the raw convolutions, before their batch normalisation;
- the bottleneck enters the decoder raw too: the sixth normalisation is never used;
- the decoder normalises after its activation, the encoder before;
- strided convolutions pad as TensorFlow's "same" does: one before, two after;
- only the bins below 11 kHz are seen. What happens above is `bandwidth`: "full" gives them the
  frame's mean mask, so that nothing is lost; "model" leaves them out as the original does.

Axes here: magnitudes and masks `(batch, channel, frame, frequency)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from unweave.models.layers.weights import filled, making, settings
from unweave.models.spleeter.fast import FastUNets
from unweave.models.spleeter.options import additive
from unweave.models.spleeter.unet import SpleeterConfig, UNet
from unweave.signal import stft
from unweave.signal.wiener import multichannel_wiener

EPSILON = 1e-10  # the original's guard in the ratio masks
# Working memory: one call on 527360 samples takes 124 MB, with the Wiener filter 172 MB.
BYTES_PER_SAMPLE = 330.0


class Nets(Protocol):
    """The networks of all stems. Their output's bins may lie as suits them until `restore`."""

    def __call__(self, magnitudes: Tensor) -> list[Tensor]:
        """`(batch, channel, frame, bin)` to the logits of each stem."""
        ...

    def restore(self, x: Tensor) -> Tensor:
        """Any elementwise function of the logits as a new `(batch, channel, frame, bin)`."""
        ...


class UNets(nn.ModuleList):
    """The networks as published; bins stay where they are."""

    def forward(self, magnitudes: Tensor) -> list[Tensor]:
        return [net(magnitudes) for net in self]

    def restore(self, x: Tensor) -> Tensor:
        return x.clone()


class Spleeter(nn.Module):
    """Waves of one segment to stems that fade with the transform's window at both ends.

    Neighbouring segments start `frames * hop` samples apart and sum: their windows add to one.
    """

    def __init__(
        self,
        config: SpleeterConfig,
        *,
        bandwidth: str = "full",
        mask_exponent: float = 2.0,
        wiener_iterations: int = 0,
    ) -> None:
        super().__init__()
        self.config = config
        self.bandwidth = bandwidth
        self.mask_exponent = mask_exponent
        self.wiener_iterations = wiener_iterations
        with torch.device("meta"):  # no memory, no random start: weights are loaded or trained
            self.nets = UNets(UNet(config) for _ in config.stems)
        self.rearranged: Nets | None = None
        window = torch.hann_window(config.frame_size, periodic=True)
        gain = 1.5 * config.frame_size / (4 * config.hop)  # what the squared window sums to
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("synthesis", window / gain, persistent=False)
        fade = stft.envelope(window, config.hop, config.frames) / gain
        self.register_buffer("fade", fade, persistent=False)

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, channel, segment)` to `(batch, stem, channel, segment)`."""
        spectrum = stft.stft(mix, self.window, self.config.hop)  # (batch, channel, frame, all bins)
        if self.wiener_iterations:
            return self.wiener(spectrum)
        count = len(self.config.stems)
        stems = mix.new_empty(mix.shape[0], count, *mix.shape[1:])
        magnitudes = stft.magnitude(spectrum[..., : self.config.bins])
        # Where the masks sum to one in every bin, the last stem is the complement.
        inverted = count - 1 if self.additive else count
        for n, mask in zip(range(inverted), self.masks(magnitudes), strict=False):
            stems[:, n] = self.invert(spectrum, mask)
        if self.additive:
            torch.mul(mix, self.fade, out=stems[:, -1])
            stems[:, -1] -= stems[:, :-1].sum(1)
        return stems

    def wiener(self, spectrum: Tensor) -> Tensor:
        """The stems by a multichannel Wiener filter, from each network's own estimate."""
        mixed = stft.magnitude(spectrum)
        gains = self.gains(mixed[..., : self.config.bins].contiguous())
        estimates = torch.stack([self.filter(mixed.clone(), gain) for gain in gains], dim=1)
        return self.invert(multichannel_wiener(estimates, spectrum, self.wiener_iterations))

    def invert(self, spectrum: Tensor, mask: Tensor | None = None) -> Tensor:
        """The waves of a spectrum, of a masked one if there is a mask."""

        def part(some: slice) -> Tensor:
            frames = spectrum[..., some, :]
            return frames if mask is None else self.filter(frames.clone(), mask[..., some, :])

        parts = ((some, part(some)) for some in stft.groups(self.config.frames))
        return stft.overlap_add(parts, self.config.frames, self.synthesis, self.config.hop)

    @property
    def nets_at_work(self) -> Nets:
        return self.rearranged or self.nets

    @property
    def additive(self) -> bool:
        """Whether the stems sum to the mix, in every bin."""
        return additive({"bandwidth": self.bandwidth})

    def masks(self, magnitudes: Tensor) -> Iterator[Tensor]:
        """Ratio masks of the stems in turn, `(batch, channel, frame, bin)` each.

        `(e_i^p + eps / n) / (sum of e^p + eps)`: they sum to one, and are 1/n where all is silent.
        """
        restore = self.nets_at_work.restore
        gains = self.arranged_gains(magnitudes)
        shares = [gain.pow_(self.mask_exponent) for gain in gains]
        powers = magnitudes.pow(self.mask_exponent)
        total = restore(sum(shares[1:], start=shares[0])).mul_(powers).add_(EPSILON)
        for share in shares:
            yield restore(share).mul_(powers).add_(EPSILON / len(shares)).div_(total)

    def gains(self, magnitudes: Tensor) -> Iterator[Tensor]:
        """What each network lets through, before the stems compete for every bin."""
        return map(self.nets_at_work.restore, self.arranged_gains(magnitudes))

    def arranged_gains(self, magnitudes: Tensor) -> list[Tensor]:
        logits = self.nets_at_work(magnitudes)
        if self.config.softmax:
            return list(torch.stack(logits).softmax(dim=0))
        return [x.sigmoid_() for x in logits]

    def prepare_for_cpu(self) -> None:
        """Rearrange the networks, weights in place, for a CPU; the originals are let go."""
        self.rearranged = FastUNets(self.nets)
        self.nets = UNets()

    def filter(self, spectrum: Tensor, mask: Tensor) -> Tensor:
        """The masked spectrum, in place; the bins that the mask lacks follow `bandwidth`."""
        spectrum[..., : self.config.bins] *= mask
        above = spectrum[..., self.config.bins :]
        if self.bandwidth == "full":
            above *= mask.mean(-1, keepdim=True)
        else:
            above.zero_()
        return spectrum


def build(
    stems: tuple[str, ...],
    channels: int,
    config: Mapping[str, Any],
    weights: Mapping[str, np.ndarray],
    *,
    bandwidth: str = "full",
    mask_exponent: float = 2.0,
    wiener: int = 0,
) -> Spleeter:
    """The network with its weights, with the options of a user, as a card describes it.

    weights: `<stem>.down1.conv.weight` and so on. Raises ValueError for settings that mean nothing,
    WeightsError where the weights do not fit.
    """
    chosen = settings(SpleeterConfig, stems, channels, config)
    with making():
        network = Spleeter(
            chosen,
            bandwidth=bandwidth,
            mask_exponent=mask_exponent,
            wiener_iterations=wiener,
        )

    def in_file(name: str) -> str:
        _, number, rest = name.split(".", 2)  # nets.0.down1.conv.weight
        return f"{stems[int(number)]}.{rest}"

    return filled(network, weights, in_file)
