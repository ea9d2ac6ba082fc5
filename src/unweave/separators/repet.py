"""REPET: a voice over a background that repeats with one period.

**Idea.** The music behind a voice often repeats, bar after bar, and the voice does not. The
median over the periods of the spectrogram is the repeating background, because the voice is in a
bin of few periods only. What exceeds it is the foreground.

**Formula.** The beat spectrum `b(lag)` is the autocorrelation of the power spectrogram along time,
averaged over frequency; the period `p` is the lag between `min_period_s` and `max_period_s` (and at
most a third of the recording) where it is the largest. The background `W` of frame `i` is the
median over all frames `i + k p`, and the foreground's mask is `(V - min(W, V)) / V`. All below
`high_pass_hz` is background.

**When it fails.** Music whose tempo or chords change, or that repeats with no single period; whole
songs more than excerpts. The period is uncertain in a recording shorter than three periods; one
shorter than three times `min_period_s` is all background. Drum fills and solos go to the vocals.

**Paper.** Z. Rafii, B. Pardo, "Repeating pattern extraction technique (REPET): a simple method for
music/voice separation", IEEE TASLP 21(1), 2013.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unweave import options
from unweave.errors import UsageError
from unweave.options import Classical, option
from unweave.separators._shared.foreground import FACTS, Grid, excess, separate
from unweave.signal import centred
from unweave.signal.median import median_
from unweave.types import Spec

BYTES_PER_SAMPLE = 120.0  # as measured on stereo at an overlap of 4


@dataclass(frozen=True, kw_only=True)
class Repet(Classical):
    window_s: float = option(
        0.0464, "length of a frame, rounded to a power of two samples", above=0, at_most=10
    )
    window: str = option("hann", "window function", choices=centred.WINDOWS)
    overlap: int = option(
        4, "number of frames that overlap at each sample", choices=centred.OVERLAPS
    )
    min_period_s: float = option(0.8, "shortest period of the search", above=0)
    max_period_s: float = option(8.0, "longest period of the search", above=0)
    period_s: float | None = option(None, "the period, if it is known", above=0)
    high_pass_hz: float = option(
        100.0, "cut-off frequency; everything below it is accompaniment", at_least=0, at_most=20000
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_period_s > self.max_period_s:
            raise UsageError(
                f"repet: min_period_s {self.min_period_s:g} is above "
                f"max_period_s {self.max_period_s:g}"
            )

    @property
    def spec(self) -> Spec:
        return options.spec(
            self,
            **FACTS,
            bytes_per_sample=BYTES_PER_SAMPLE * self.overlap / 4,
            paper="Rafii and Pardo 2013",
        )

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        grid = Grid.of(self.window_s, self.overlap, sample_rate_hz, self.window)

        def mask(magnitudes: Tensor) -> Tensor:
            period = self._period(magnitudes, grid)
            if period is None:
                return magnitudes.zero_()
            return excess(magnitudes, repeating(magnitudes, period))

        return separate(mix, grid, self.high_pass_hz, mask)

    def _period(self, magnitudes: Tensor, grid: Grid) -> int | None:
        """The period in frames, or None where the recording is too short to have one."""
        if self.period_s is not None:
            return max(1, grid.frames(self.period_s))
        frames = magnitudes.shape[-1]
        first = max(1, grid.frames(self.min_period_s))
        last = min(grid.frames(self.max_period_s), frames // 3)
        if last < first:
            return None
        beats = beat_spectrum(magnitudes.square().mean(0), last + 1)
        return first + int(beats[first:].argmax())


def beat_spectrum(powers: Tensor, lags: int) -> Tensor:
    """How alike the frames `(frequency, frame)` are at each of `lags` distances, 0 first.

    Unbiased autocorrelation along the frames, averaged over frequency. Foote and Uchihashi, "The
    beat spectrum", ICME 2001.
    """
    frames = powers.shape[-1]
    size = 1 << (frames + lags).bit_length()
    total = torch.zeros(size // 2 + 1, device=powers.device)
    for some in powers.split(128):
        spectrum = torch.fft.rfft(some, n=size)
        total += torch.view_as_real(spectrum).square().sum((0, -1))
    pairs = frames - torch.arange(lags, device=powers.device)
    return torch.fft.irfft(total, n=size)[:lags] / (pairs * powers.shape[0])


def repeating(magnitudes: Tensor, period: int) -> Tensor:
    """The median over all periods `(channel, frequency, frame)`, repeated to the same length."""
    frames = magnitudes.shape[-1]
    out = torch.empty_like(magnitudes)
    whole, left = divmod(frames, period)
    # Frames of the last period that the recording still has are there once more than the others.
    for begin, end, times in ((0, left, whole + 1), (left, min(period, frames), whole)):
        if begin == end or times == 0:
            continue
        stack = torch.stack(
            [magnitudes[..., n * period + begin : n * period + end] for n in range(times)], dim=-1
        )
        found = median_(stack)
        for n in range(times):
            out[..., n * period + begin : n * period + end] = found
    return out


TECHNIQUE = Repet
