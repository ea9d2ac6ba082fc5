"""2DFT: a voice over a background whose repetitions are peaks of the spectrogram's own spectrum.

**Idea.** Whatever repeats in a spectrogram, along time or along frequency, gathers in few points of
its two-dimensional Fourier transform, as a periodic image does. Keep the peaks and transform back:
that is the background. What exceeds it is the foreground.

**Formula.** `X` is the 2D Fourier transform of the magnitudes `V`, `A = |X| / max |X|`. A point is
a peak if `A` is the largest within `neighbourhood` points along the axis of time. With `hard` peaks
all those count, in neighbourhoods where `A` varies by more than its standard deviation over the
whole; with `soft` ones each has the weight `(A - mean) / std`, over its neighbourhood, divided by
the largest such weight. The background is `B = |inverse of the weighted X|`, the foreground's mask
`(V - min(B, V)) / V`. All below `high_pass_hz` is background.

**When it fails.** Modulations between the peaks leak: both stems sound blurred. A voice with a
steady vibrato has peaks of its own. The neighbourhood is counted in points, which lie
closer in a longer recording: minutes of music need a larger one than seconds.

**Paper.** P. Seetharaman, F. Pishdadian, B. Pardo, "Music/voice separation using the 2D Fourier
transform", WASPAA 2017 (hard peaks); P. Seetharaman, "Bootstrapping the learning process for
computer audition", dissertation, Northwestern University, 2019, chapter 2 (soft peaks).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from unweave import options
from unweave.errors import UsageError
from unweave.options import Classical, option
from unweave.separators._shared.foreground import FACTS, Grid, excess, separate
from unweave.signal import centred
from unweave.types import Spec

FLAT = 1e-7  # of the largest peak: deviations below it are rounding
BYTES_PER_SAMPLE = 150.0  # as measured on stereo at an overlap of 4


@dataclass(frozen=True, kw_only=True)
class Ft2d(Classical):
    window_s: float = option(
        0.0464, "length of a frame, rounded to a power of two samples", above=0, at_most=10
    )
    window: str = option("hann", "window function", choices=centred.WINDOWS)
    overlap: int = option(
        4, "number of frames that overlap at each sample", choices=centred.OVERLAPS
    )
    neighbourhood: int = option(
        25,
        "number of points along time within which a peak is the maximum; odd",
        at_least=3,
        at_most=9999,
    )
    peaks: str = option(
        "soft", "weights of peaks: by their height, or all equal", choices=("soft", "hard")
    )
    high_pass_hz: float = option(
        100.0, "cut-off frequency; everything below it is accompaniment", at_least=0, at_most=20000
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.neighbourhood % 2 == 0:
            raise UsageError(f"ft2d: neighbourhood must be odd; got {self.neighbourhood}")

    @property
    def spec(self) -> Spec:
        return options.spec(
            self,
            **FACTS,
            bytes_per_sample=BYTES_PER_SAMPLE * self.overlap / 4,
            paper="Seetharaman, Pishdadian and Pardo 2017",
        )

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        grid = Grid.of(self.window_s, self.overlap, sample_rate_hz, self.window)

        def mask(magnitudes: Tensor) -> Tensor:
            background = torch.stack([self.background(one) for one in magnitudes])
            return excess(magnitudes, background)

        return separate(mix, grid, self.high_pass_hz, mask)

    def background(self, magnitudes: Tensor) -> Tensor:
        """What repeats of `(frequency, frame)`."""
        # Real input: half of the plane says it all. The axis of time, along which the peaks are
        # looked for, stays whole and wraps around.
        image = magnitudes.mT
        plane = torch.fft.rfft2(image)  # (frame, half of frequency)
        plane *= self.weights(plane.abs(), image.shape[1])
        return torch.fft.irfft2(plane, s=image.shape).abs_().mT

    def weights(self, heights: Tensor, frequencies: int) -> Tensor:
        """How much of each point of half the plane `(frame, frequency)` is background."""
        heights = heights / heights.max().clamp_(min=torch.finfo(heights.dtype).tiny)
        width = self.neighbourhood
        top = around(torch.maximum, heights, width)
        highest = heights == top
        if self.peaks == "hard":
            bottom = around(torch.minimum, heights, width)
            times = torch.full_like(heights[0], 2.0)  # that the whole plane has a column
            times[[0, -1] if frequencies % 2 == 0 else 0] = 1.0
            points = frequencies * len(heights)
            mean = (heights @ times).sum() / points
            deviation = ((heights - mean).square_() @ times).sum().div_(points).sqrt_()
            found = (highest & (top - bottom > deviation)).to(heights.dtype)
        else:
            mean = around(torch.add, heights, width) / width
            square = around(torch.add, heights.square(), width) / width
            deviation = (square - mean.square()).clamp_(min=0.0).sqrt_() + FLAT
            found = (top - mean).div_(deviation).mul_(highest)
            found /= found.max().clamp_(min=FLAT)
        mirrored = found.flip(0).roll(1, 0)  # a pattern and its mirror image have peaks together
        return torch.maximum(found, mirrored)


def around(both: Callable[[Tensor, Tensor], Tensor], values: Tensor, width: int) -> Tensor:
    """`both` (a maximum, a sum ...) of the `width` rows around each row, which wrap around.

    Rows at distances of powers of two are combined first: `log2(width)` steps.
    """
    rows = torch.arange(-(width // 2), len(values) + width // 2, device=values.device)
    some, covered = values[rows.remainder(len(values))], 1  # row n combines n .. n + covered - 1
    total, taken = None, 0
    while True:
        if width & covered:
            part = some[taken : taken + len(values)]
            total = part if total is None else both(total, part)
            taken += covered
        if taken == width:
            assert total is not None
            return total
        some = both(some[:-covered], some[covered:])
        covered *= 2


TECHNIQUE = Ft2d
