"""Bandit: masks on overlapping bands of musical width, by RNNs along time and along the bands.

Watcharasupat et al., "A generalized bandsplit neural network for cinematic audio source
separation", 2023, arXiv 2309.02539; Watcharasupat, Wu and Orife, "Remastering Divide and Remaster:
a cinematic audio source separation dataset with multilingual support", 2024, arXiv 2407.07275. It
takes films apart into speech, music and effects. Each band of a spectrum becomes a vector; RNNs
that are added to what enters them read these along time and along the bands by turns; of each stem
and band a small network makes a complex mask. Bins that several bands hold get the mean of theirs.

Each channel is separated by itself.

Axes here: spectra `(signal, bin, frame)`, signals being the channels of all mixes; vectors
`(signal, band, frame, width)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.models.bandit.bands import musical
from unweave.models.layers.weights import builder

CELLS = {"gru": nn.GRU, "lstm": nn.LSTM}


@dataclass(frozen=True, slots=True)
class BanditConfig:
    """Everything that decides the shape; the defaults are Bandit v2's. Raises ValueError."""

    stems: tuple[str, ...] = ("speech", "music", "sfx")
    channels: int = 2
    rate_hz: int = 48000  # that the bands are laid out for
    frame_size: int = 2048
    hop: int = 512
    bands: int = 64  # or less, where some have no bin
    width: int = 128  # of a band's vector
    layers: int = 8  # along time, and as many along the bands
    hidden: int = 256  # of an RNN, in each direction
    cell: Literal["gru", "lstm"] = "gru"  # of the RNNs
    mask_hidden: int = 512  # numbers between the layers of a mask's network
    averaged: bool = True  # where bands overlap; else their masks are summed

    def __post_init__(self) -> None:
        musical(self.rate_hz, self.frame_size, self.bands)
        if not 1 <= self.hop <= self.frame_size // 2:
            raise ValueError(f"hop is at most half of frame_size, got {self.hop}")
        if min(self.width, self.layers, self.hidden, self.mask_hidden) < 1:
            raise ValueError("width, layers, hidden and mask_hidden are 1 or more")


class Entrance(nn.Module):
    """The bins of a band to its vector."""

    def __init__(self, bins: int, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(2 * bins)
        self.layer = nn.Linear(2 * bins, width)

    def forward(self, spectrum: Tensor) -> Tensor:
        """Complex `(signal, bin, frame)` to `(signal, frame, width)`; real and imaginary parts of a
        bin are neighbours."""
        parts = torch.view_as_real(spectrum.transpose(1, 2).contiguous()).flatten(2)
        return self.layer(self.norm(parts))


class Residual(nn.Module):
    """An RNN in both directions, whose result is added to what enters."""

    def __init__(self, config: BanditConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.width)
        cell = CELLS[config.cell]
        self.rnn = cell(config.width, config.hidden, batch_first=True, bidirectional=True)
        self.layer = nn.Linear(2 * config.hidden, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """`(signal, any, step, width)`, of the same shape."""
        found, _ = self.rnn(self.norm(x).flatten(0, 1))
        return x + self.layer(found).unflatten(0, x.shape[:2])


class Mask(nn.Module):
    """A band's vector to its mask."""

    def __init__(self, config: BanditConfig, bins: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.width)
        self.widen = nn.Linear(config.width, config.mask_hidden)
        self.layer = nn.Linear(config.mask_hidden, 4 * bins)

    def forward(self, x: Tensor) -> Tensor:
        """`(signal, frame, width)` to complex `(signal, bin, frame)`."""
        x = F.glu(self.layer(torch.tanh(self.widen(self.norm(x)))))
        parts = x.float().unflatten(-1, (-1, 2)).transpose(1, 2)
        return torch.view_as_complex(parts.contiguous())


class Bandit(nn.Module):
    """Waves to stems, segments of any length."""

    def __init__(self, config: BanditConfig) -> None:
        super().__init__()
        self.config = config
        self.bands = musical(config.rate_hz, config.frame_size, config.bands)
        widths = [stop - start for start, stop in self.bands]
        self.entrances = nn.ModuleList(Entrance(bins, config.width) for bins in widths)
        self.layers = nn.ModuleList(Residual(config) for _ in range(2 * config.layers))
        self.masks = nn.ModuleDict(
            {stem: nn.ModuleList(Mask(config, bins) for bins in widths) for stem in config.stems}
        )

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, channel, time)` to `(batch, stem, channel, time)`."""
        size, hop = self.config.frame_size, self.config.hop
        window = torch.hann_window(size, device=mix.device)
        spectrum = torch.stft(
            mix.flatten(0, 1),
            size,
            hop,
            window=window,
            pad_mode="constant",
            normalized=True,
            return_complex=True,
        )  # (signal, bin, frame)
        vectors = self.read(spectrum)
        waves = [
            torch.istft(
                spectrum * self.mask(stem, vectors),
                size,
                hop,
                window=window,
                normalized=True,
                length=mix.shape[-1],
            ).unflatten(0, mix.shape[:2])
            for stem in self.config.stems
        ]
        return torch.stack(waves, dim=1)

    def read(self, spectrum: Tensor) -> Tensor:
        """Complex `(signal, bin, frame)` to `(signal, band, frame, width)`."""
        x = torch.stack(
            [
                entrance(spectrum[:, start:stop])
                for entrance, (start, stop) in zip(self.entrances, self.bands, strict=True)
            ],
            dim=1,
        )
        for layer in self.layers:  # along time, along the bands, along time again
            x = layer(x).transpose(1, 2)
        return x

    def mask(self, stem: str, vectors: Tensor) -> Tensor:
        """`(signal, band, frame, width)` to a stem's complex `(signal, bin, frame)`."""
        bins = self.config.frame_size // 2 + 1
        shape = vectors.shape[0], bins, vectors.shape[2]
        total = torch.zeros(shape, dtype=torch.complex64, device=vectors.device)
        shares = torch.zeros(bins, 1, device=vectors.device)
        heads = self.masks[stem]
        assert isinstance(heads, nn.ModuleList)
        for head, (start, stop), x in zip(heads, self.bands, vectors.unbind(1), strict=True):
            total[:, start:stop] += head(x)
            shares[start:stop] += 1
        return total / shares if self.config.averaged else total

    def select(self, stems: Sequence[str]) -> Bandit:
        """The network of some stems, which have masks of their own."""
        config = replace(self.config, stems=tuple(stems))
        with torch.device("meta"):
            narrowed = Bandit(config)
        others = tuple(f"masks.{stem}." for stem in self.config.stems if stem not in stems)
        kept = {k: v for k, v in self.state_dict().items() if not k.startswith(others)}
        narrowed.load_state_dict(kept, assign=True)
        return narrowed.eval().requires_grad_(False)


NETWORK = (BanditConfig, Bandit)
build = builder(BanditConfig, Bandit)
