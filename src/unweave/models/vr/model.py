"""VR: a mask for the spectrum of several bands, of one stem and of all but it.

The networks of vocal-remover (tsurumeso) as Ultimate Vocal Remover (UVR) trains and publishes them,
in versions 5 and 5.1; UVR calls them "VR architecture". No paper describes them: this follows
audio-separator 0.47.1 (`vr_separator`, `spec_utils`, `nets`, `nets_new`). A window of frames gives
the mask of those in its middle, which is shaped by `aggression`. Every window starts where the
middle of the one before it ends, and what their frames have in common is added up.

Axes: spectra `(batch, channel, bin, frame)`, of two channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.core.typed import typed
from unweave.models.layers.weights import builder, settings
from unweave.models.vr.bands import Band, Bands, like
from unweave.models.vr.network import Cascade, LstmCascade
from unweave.models.vr.options import AGGRESSION, BYTES_PER_SAMPLE, exponents
from unweave.types import Wave

__all__ = ["BYTES_PER_SAMPLE", "Vr", "VrConfig", "build"]
CONTEXT, CONTEXT_LSTM = 128, 64  # frames at both ends of a window whose mask is thrown away


@dataclass(frozen=True, slots=True)
class VrConfig:
    """What a checkpoint is made for. Raises ValueError.

    bands: from the lowest to the highest, tables of `bands.Band`; bins: of all of them; top: see
    `bands.Bands`. window: frames that the network sees at once. hidden: of the LSTMs of version
    5.1; 0 for version 5, which alone has `levels` and `branches`. solo: the first stem is one
    source, and not all but one, whose masks are shaped the other way.
    """

    stems: tuple[str, ...] = ("vocals", "instrumental")
    channels: int = 2
    bands: tuple[Mapping[str, object], ...] = ()
    bins: int = 672
    top: tuple[int, ...] = ()
    window: int = 512
    width: int = 32
    hidden: int = 0
    levels: int = 4
    branches: int = 5
    solo: bool = False

    def __post_init__(self) -> None:
        if self.channels != 2 or len(self.stems) != 2:
            raise ValueError("VR takes two channels and makes two stems")
        if min(self.width, self.levels) < 1 or self.hidden < 0 or self.branches not in (5, 6, 7):
            raise ValueError(
                "width and levels are 1 or more, hidden 0 or more, branches 5, 6 or 7; got "
                f"{self.width}, {self.levels}, {self.hidden} and {self.branches}"
            )
        if self.hidden and (self.width % 4 or self.hidden % 4 or self.levels != 4):
            raise ValueError("with LSTMs width and hidden are multiples of 4, and levels 4")
        if self.width % 2:
            raise ValueError(f"width is even; got {self.width}")
        unit = 2**self.levels
        if self.bins < 1 or self.bins % (2 * unit) or self.window % unit:
            raise ValueError(
                f"bins are a multiple of {2 * unit}, and window one of {unit}; got {self.bins} and "
                f"{self.window}"
            )
        if self.frames < 1:
            raise ValueError(
                f"window is above {2 * self.border}, as {self.border} frames at both ends are "
                f"input only; got {self.window}"
            )
        _ = self.front  # whose settings are checked like these

    @property
    def front(self) -> Bands:
        """The bands."""
        bands = tuple(typed(Band, each) for each in self.bands)
        return Bands(self.bins, bands, self.top, steep=not self.hidden)

    @property
    def border(self) -> int:
        """Frames at each end of a window whose mask is thrown away."""
        return CONTEXT_LSTM if self.hidden else CONTEXT

    @property
    def frames(self) -> int:
        """Frames in the middle of a window, whose masks are used."""
        return self.window - 2 * self.border

    @property
    def samples(self) -> int:
        """Of a segment: a window and what its frames reach beyond it."""
        return self.front.samples(self.window)

    def segment(self) -> dict[str, Any]:
        """A card's segment, in which the recording's first frame begins a middle."""
        front, hop = self.front, self.front.hop
        return {
            "length": self.samples,
            "hop": self.frames * hop,
            "context": self.border * hop,
            # A segment more lies before it, whose frames reach into the recording.
            "before": (self.border + front.reach + self.frames) * hop,
            "window": "own",
            "edge": "zeros",
        }


class Vr(nn.Module):
    """Waves of one segment to stems that fade at both ends, into those of the next segments.

    aggression: -50 to 50, as a percentage of UVR's.
    """

    def __init__(self, config: VrConfig, *, aggression: int = AGGRESSION) -> None:
        super().__init__()
        self.config, self.front = config, config.front
        self.exponents = exponents(aggression, config.solo)
        self.network: nn.Module = (
            LstmCascade(config.width, config.bins, config.hidden)
            if config.hidden
            else Cascade(config.width, config.levels, config.branches)
        )

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, 2, segment)` to `(batch, 2, 2, segment)`."""
        config, front = self.config, self.front
        time, border = mix.shape[-1], config.border
        spectrum = front.analyse(F.pad(mix, (0, config.samples - time)))
        mask = self.mask(spectrum.abs())
        middle = spectrum[..., border : border + config.frames]
        both = torch.cat([middle * mask, middle * (1 - mask)])  # (stem * batch, 2, bin, frame)
        waves = front.synthesise(both).unflatten(0, (2, -1)).transpose(0, 1)
        ends = border * front.hop
        return F.pad(waves, (ends, ends))[..., :time]

    def mask(self, magnitudes: Tensor) -> Tensor:
        """`(batch, 2, bins + 1, window)` to the first stem's share `(batch, 2, bins + 1, frame)`,
        of the frames in the middle."""
        config = self.config
        logits = self.network(magnitudes[:, :, : config.bins])
        made = logits[..., config.border : config.border + config.frames].sigmoid()
        whole = torch.cat([made, made[:, :, -1:]], dim=2)  # the silent bin is as the last one
        lowest, others = self.exponents
        powers = np.full((config.bins + 1, 1), others)
        powers[: self.front.bands[0].stop] = lowest
        return whole ** like(powers, whole)


def highest(stems: tuple[str, ...], config: Mapping[str, Any], wave: Wave) -> Wave:
    """The highest magnitude of a segment `(group, 2, time)` in the spectrum that the network sees,
    `(group,)`. Raises ValueError for settings that mean nothing."""
    front = settings(VrConfig, stems, wave.shape[1], config).front
    with torch.inference_mode():
        found: Wave = front.analyse(torch.from_numpy(wave)).abs().amax((1, 2, 3)).numpy()
    return found


build = builder(VrConfig, Vr)
