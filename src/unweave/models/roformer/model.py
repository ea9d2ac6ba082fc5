"""BS-RoFormer and Mel-Band RoFormer: a spectrum in bands, transformers over time and over bands.

Lu, Wang, Kong and Hung, "Music source separation with band-split RoPE transformer", ICASSP 2024,
arXiv 2309.02612; Wang, Lu and Won, "Mel-band RoFormer for music source separation", ISMIR 2023
late-breaking demo, arXiv 2310.01809; in the form that P. Wang's programs and R. Solovyev's (Music
Source Separation Training, MSST) gave them, in which nearly all public weights are.

Each frame's complex bins of all channels are cut into bands, which lie side by side (BS) or
overlap on the mel scale; a dense layer makes a token of each. In a block the tokens of a band
attend to one another over time, then those of a frame over bands; rotary positions (RoPE, Su et al.
2021) tell them apart. For each stem a small network makes a complex mask of each band's tokens;
where bands overlap the mean of their masks counts.

Axes here: spectrum `(batch, channel, bin, frame)`, tokens `(batch, band, frame, width)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, pairwise, takewhile
from threading import Lock
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.models.layers.weights import builder
from unweave.models.roformer.bands import LARGEST_FRAME, Bands, on_mel_scale, side_by_side
from unweave.models.roformer.fast import rearrange
from unweave.models.roformer.options import ADDED, BARE
from unweave.models.roformer.transformer import Block, Norm, rates, rotations
from unweave.signal.threads import together, with_idle

BANDS = (2,) * 24 + (4,) * 12 + (12,) * 8 + (24,) * 8 + (48,) * 8 + (128, 129)


@dataclass(frozen=True, slots=True)
class RoFormerConfig:
    """Everything that decides the shape; the defaults are those of the smaller BS-RoFormers.

    value_residual: blocks behind the first mix its values into theirs; with "added" they add what
    they make to their input, as all others do, with "bare" they do not, as in MSST's experimental
    class. Raises ValueError.
    """

    stems: tuple[str, ...] = ("vocals",)
    channels: int = 2
    remainder: bool = False  # the last stem is what the others leave of the mix, and has no head
    bands: tuple[int, ...] = BANDS  # bins of each, side by side; none: as in the weights
    mel_bands: int = 0  # instead of these: how many on the mel scale, which overlap
    mel_rate_hz: int = 44100  # that their scale is for
    frame_size: int = 2048
    window_size: int = 2048  # samples of a frame that its window sees
    hop: int = 512
    normalised: bool = False  # the transform is divided by the root of `window_size`
    zero_dc: bool = False  # stems have no lowest bin
    width: int = 256  # of a token
    depth: int = 12  # blocks
    time_layers: int = 1  # of a block, over time
    band_layers: int = 1  # of a block, over bands
    heads: int = 8  # of attention
    head_width: int = 64  # numbers of a head
    hidden: int = 1024  # numbers in the middle of feed-forward halves
    norm_each: bool = False  # all transformers normalise at their ends, not just the last block
    skips: bool = False  # a block sees the sum of what all blocks before it made
    value_residual: str = ""  # "added" or "bare": blocks see values of the first one
    mask_layers: int = 2  # dense layers of a mask's network
    mask_hidden: int = 1024  # numbers between them

    def __post_init__(self) -> None:
        if not 1 <= self.window_size <= self.frame_size <= LARGEST_FRAME or self.frame_size % 2:
            raise ValueError(
                f"frame_size is even, at most {LARGEST_FRAME} and not below window_size; got "
                f"{self.frame_size} and {self.window_size}"
            )
        if not 1 <= self.hop <= self.window_size // 2:
            raise ValueError(f"hop is 1 to half of window_size, got {self.hop}")
        if min(self.width, self.heads, self.hidden, self.depth, self.mask_layers) < 1:
            raise ValueError("width, heads, hidden, depth and mask_layers are 1 or more")
        if self.head_width < 2 or self.head_width % 2:
            raise ValueError(f"head_width is even, for rotations, got {self.head_width}")
        if self.value_residual not in ("", ADDED, BARE):
            raise ValueError(
                f"value_residual is '', '{ADDED}' or '{BARE}', got {self.value_residual!r:.40}"
            )
        if self.heads_of_stems < 1:
            raise ValueError("with a remainder there are two stems or more")
        if min(self.bands, default=1) < 1 or self.mel_bands < 0 or self.mel_rate_hz < 1:
            raise ValueError("bands have 1 bin or more")
        if self.mel_bands > self.bins:
            raise ValueError(f"mel_bands is at most {self.bins}, got {self.mel_bands}")
        if not self.mel_bands and self.bands and sum(self.bands) != self.bins:
            raise ValueError(f"bands have {self.bins} bins together, got {sum(self.bands)}")
        _ = self.split

    @property
    def bins(self) -> int:
        return self.frame_size // 2 + 1

    @property
    def heads_of_stems(self) -> int:
        """How many of the stems have masks."""
        return len(self.stems) - self.remainder

    @property
    def split(self) -> Bands:
        """The bins of each band. Raises ValueError where the mel scale has not so many."""
        if self.mel_bands:
            return on_mel_scale(self.mel_bands, self.mel_rate_hz, self.frame_size)
        return side_by_side(self.bands)


class Masks(nn.Module):
    """The network of one stem: of each band's tokens it makes the band's complex mask."""

    def __init__(self, config: RoFormerConfig) -> None:
        super().__init__()
        inner = [config.mask_hidden] * (config.mask_layers - 1)
        self.bands = nn.ModuleList()
        for first, end in config.split:
            # Twice as many as the band's numbers: a gate for each.
            widths = [config.width, *inner, 4 * config.channels * (end - first)]
            self.bands.append(nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths)))

    def forward(self, tokens: Tensor, band: int) -> Tensor:
        """`(batch, frame, width)` of one band to its mask, `(batch, frame, number)`."""
        layers = self.bands[band]
        assert isinstance(layers, nn.ModuleList)
        for layer in layers[:-1]:
            tokens = layer(tokens).tanh()
        return F.glu(layers[-1](tokens), dim=-1)


class Entrance(nn.Module):
    """A band's numbers to its token."""

    def __init__(self, numbers: int, width: int) -> None:
        super().__init__()
        self.norm = Norm(numbers)
        self.dense = nn.Linear(numbers, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(self.norm(x))


class RoFormer(nn.Module):
    """Waves to stems. Segments of any length."""

    def __init__(self, config: RoFormerConfig) -> None:
        super().__init__()
        if not config.split:
            raise ValueError("its bands are those of its weights, which are not there")
        self.config = config
        each = 2 * config.channels  # numbers of a bin
        self.entrances = nn.ModuleList(
            Entrance(each * (end - first), config.width) for first, end in config.split
        )
        self.time_rates = nn.Parameter(rates(config.head_width), requires_grad=False)
        self.band_rates = nn.Parameter(rates(config.head_width), requires_grad=False)
        self.blocks = nn.ModuleList(Block(config, first=n == 0) for n in range(config.depth))
        self.norm = nn.Identity() if config.norm_each else Norm(config.width)
        self.masks = nn.ModuleList(Masks(config) for _ in range(config.heads_of_stems))

    def select(self, stems: Sequence[str]) -> RoFormer | None:
        """The network of some stems, the others' heads left out; None where all are needed."""
        names = self.config.stems
        if self.config.remainder and names[-1] in stems:
            return None
        with torch.device("meta"):
            config = replace(self.config, stems=tuple(stems), remainder=False)
            narrowed = RoFormer(config)
        for part in ("entrances", "time_rates", "band_rates", "norm"):
            setattr(narrowed, part, getattr(self, part))
        for own, block in zip(narrowed.blocks, self.blocks, strict=True):
            own.time, own.band = block.time, block.band
        narrowed.masks = nn.ModuleList(self.masks[names.index(stem)] for stem in stems)
        return narrowed.eval()

    def prepare_for_cpu(self) -> None:
        """Rearrange the network for a CPU: see `models/roformer/fast.py`."""
        rearrange(self)

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, channel, time)` to `(batch, stem, channel, time)`."""
        # Of a frame: bins, in each the channels, of each real and imaginary part.
        numbers = torch.view_as_real(self.analysed(mix).permute(0, 3, 2, 1).contiguous()).flatten(2)
        each = 2 * self.config.channels
        bands = [slice(each * first, each * end) for first, end in self.config.split]
        enter = [
            partial(each, numbers[..., n]) for each, n in zip(self.entrances, bands, strict=True)
        ]
        tokens = torch.stack(together(*enter), dim=1)  # (batch, band, frame, width)
        tokens = self.attended(tokens)
        stems = [
            self.synthesised(self.masked(masks, tokens, numbers, bands), mix.shape[-1])
            for masks in self.masks
        ]
        if self.config.remainder:
            stems.append(mix - sum(stems))
        return torch.stack(stems, dim=1)

    def attended(self, x: Tensor) -> Tensor:
        """Tokens `(batch, band, frame, width)` through all blocks."""
        turns = [
            rotations(self.time_rates, x.shape[2]),
            rotations(self.band_rates, x.shape[1]),
        ]
        first: tuple[Tensor | None, Tensor | None] = (None, None)
        total = None
        for n, block in enumerate(self.blocks):
            if self.config.skips and n:
                total = x if total is None else total + x
                x = x + total
            x, first = block(x, turns, first)
        return self.norm(x)

    def masked(
        self, masks: nn.Module, tokens: Tensor, numbers: Tensor, bands: Sequence[slice]
    ) -> Tensor:
        """The numbers of a stem, `(batch, frame, number)`, from those of the mix."""
        mask, lock = torch.zeros_like(numbers), Lock()
        made: dict[int, Tensor] = {}
        added = 0

        def add(n: int) -> None:
            nonlocal added
            of_band = masks(tokens[:, n], n)
            with lock:
                made[n] = of_band
                while added in made:  # one after the other: sums do not depend on the threads
                    mask[..., bands[added]] += made.pop(added)
                    added += 1

        with_idle(add, range(len(bands)))
        if self.config.mel_bands:
            mask /= self.shared(numbers)
        mask, mixed = (torch.view_as_complex(x.unflatten(-1, (-1, 2))) for x in (mask, numbers))
        return torch.view_as_real(mask.mul_(mixed)).flatten(2)

    def shared(self, numbers: Tensor) -> Tensor:
        """How many bands each number of a frame lies in, `(number,)`."""
        counts = torch.zeros(self.config.bins)
        for first, end in self.config.split:
            counts[first:end] += 1
        return counts.repeat_interleave(2 * self.config.channels).to(numbers)

    def analysed(self, mix: Tensor) -> Tensor:
        """The spectrum of `(batch, channel, time)`: complex `(batch, channel, bin, frame)`."""
        config, time = self.config, mix.shape[-1]
        # A segment too short to be mirrored at its ends is followed by silence.
        mix = F.pad(mix, (0, max(0, config.frame_size // 2 + 1 - time)))
        spectrum = torch.stft(
            mix.flatten(0, 1),
            config.frame_size,
            config.hop,
            config.window_size,
            torch.hann_window(config.window_size, device=mix.device),
            normalized=config.normalised,
            return_complex=True,
        )
        return spectrum.unflatten(0, mix.shape[:2])

    def synthesised(self, numbers: Tensor, time: int) -> Tensor:
        """The waves `(batch, channel, time)` of a stem's numbers `(batch, frame, number)`."""
        config = self.config
        pairs = numbers.unflatten(-1, (config.bins, config.channels, 2))
        spectrum = torch.view_as_complex(pairs).permute(0, 3, 2, 1)  # (batch, channel, bin, frame)
        if config.zero_dc:
            spectrum = F.pad(spectrum[:, :, 1:], (0, 0, 1, 0))
        waves = torch.istft(
            spectrum.flatten(0, 1),
            config.frame_size,
            config.hop,
            config.window_size,
            torch.hann_window(config.window_size, device=numbers.device),
            normalized=config.normalised,
            length=max(time, config.frame_size // 2 + 1),
        )
        return waves[..., :time].unflatten(0, spectrum.shape[:2])


NETWORK = (RoFormerConfig, RoFormer)
_build = builder(RoFormerConfig, RoFormer)


def build(
    stems: tuple[str, ...],
    channels: int,
    config: Mapping[str, Any],
    weights: Mapping[str, np.ndarray],
    **options: object,
) -> nn.Module:
    """What `builder` makes; of a card without bands with those of the weights."""
    if config.get("bands") == () and not config.get("mel_bands"):
        gains = takewhile(
            lambda each: each is not None,
            (weights.get(f"entrances.{n}.norm.gain") for n in count()),
        )
        config = {**config, "bands": tuple(len(each) // (2 * channels) for each in gains)}
    return _build(stems, channels, config, weights, **options)
