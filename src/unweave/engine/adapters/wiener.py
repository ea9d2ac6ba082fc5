"""A multichannel Wiener filter behind any separator: the option `wiener` of every one of them.

The stems of a separator say how loud each source is in every bin. The filter learns from them from
where each comes (one spatial covariance for each frequency) and takes the stems from the mix anew.
What the stems leave of the mix counts as one more source, so that nothing is lost.

It helps where sources lie apart in the stereo image, and smooths what single masks leave behind; a
mono recording only has its powers re-estimated. The details are in `signal/wiener`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from unweave.engine.compose import check_segments
from unweave.errors import UsageError
from unweave.options import WIENER, shown
from unweave.signal import centred
from unweave.signal.stft import magnitude
from unweave.signal.wiener import multichannel_wiener
from unweave.types import Separator, Spec

WINDOW_S = 0.093  # of a frame, to the nearest power of two samples
OVERLAP = 4


@dataclass(frozen=True)
class Wiener:
    """A separator whose stems are filtered: `iterations` rounds, at least one."""

    separator: Separator
    iterations: int

    def __post_init__(self) -> None:
        if self.iterations < 1:
            raise UsageError(f"wiener: iterations must be at least 1; got {self.iterations}")
        check_segments("the Wiener filter", self.separator)
        spec = self.separator.spec
        if spec.segmentation and spec.segmentation.window == "own":
            raise UsageError(
                f"{spec.name}: its stems are windowed, which an outer filter cannot use"
            )

    @property
    def spec(self) -> Spec:
        spec = self.separator.spec
        sources = len(spec.stems) + (not spec.additive)
        return replace(
            spec,
            # Beside the stems: magnitudes and images of every source, of a stereo recording.
            bytes_per_sample=spec.bytes_per_sample + 60.0 * (sources + 1),
            options={**spec.options, WIENER.name: self.iterations},
        )

    def __repr__(self) -> str:
        return shown(self.spec)

    def to(self, device: str) -> Wiener:
        return replace(self, separator=self.separator.to(device))

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        """`(batch, channel, time)` to `(batch, stem, channel, time)`."""
        stems = self.separator(mix, sample_rate_hz)
        spec = self.separator.spec
        if spec.additive:
            return filtered(stems, mix, sample_rate_hz, self.iterations)
        rest = (mix - stems.sum(1))[:, None]
        return filtered(torch.cat([stems, rest], 1), mix, sample_rate_hz, self.iterations)[:, :-1]


def filtered(sources: Tensor, mix: Tensor, sample_rate_hz: int, iterations: int) -> Tensor:
    """Sources `(batch, source, channel, time)` filtered from the mix `(batch, channel, time)`.

    They sum to the mix. What the filter's guards against division by zero take, some of the faint
    bins, is shared out as loud as the sources are there.
    """
    size = centred.frame_size(WINDOW_S, sample_rate_hz)
    hop, window, length = size // OVERLAP, centred.hann(size, mix.device), mix.shape[-1]
    tiny = torch.finfo(mix.dtype).tiny

    def spectra(wave: Tensor) -> Tensor:
        return centred.analyse(wave / level, size, hop, window).transpose(-1, -2)

    # The guards are absolute: at one level for every recording they do the same to each.
    level = mix.abs().amax(dim=(1, 2), keepdim=True).clamp_(min=tiny)
    mixed = spectra(mix)
    estimates = torch.stack([magnitude(spectra(source)) for source in sources.unbind(1)], dim=1)
    images = multichannel_wiener(estimates, mixed, iterations)
    left = (mixed - images.sum(1)) / estimates.sum(1).clamp_(min=tiny)
    found = [
        centred.synthesise((image + left * estimate).transpose(-1, -2), size, hop, window, length)
        * level
        for image, estimate in zip(images.unbind(1), estimates.unbind(1), strict=True)
    ]
    return torch.stack(found, dim=1)
