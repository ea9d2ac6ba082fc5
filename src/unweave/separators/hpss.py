"""Harmonic and percussive sounds, by median filtering.

**Idea.** In a spectrogram a steady tone is a horizontal line and a click a vertical one. A median
along time keeps the lines that last and drops what is short; a median along frequency keeps what is
broad and drops single tones. Each bin then goes to the two stems in proportion to what the two
medians leave of it.

**Formula.** With `V` the magnitudes, `H` their running median over `harmonic_s` of time and `P`
that over `percussive_hz` of frequency, the harmonic stem has the mask `H^p / (H^p + P^p)`, `p`
being `power`, and the percussive stem the rest. With a `margin` above 1 the harmonic stem has
`H^p / (H^p + (margin P)^p)` and the percussive one `P^p / (P^p + (margin H)^p)`: only what is
clearly one or the other stays in them, and the rest is the residual.

**When it fails.** A voice is neither: its glides and consonants go to the percussive stem with a
long window and to the harmonic one with a short window. Noise that lasts (cymbals, applause)
is in both.

**Paper.** D. FitzGerald, "Harmonic/percussive separation using median filtering", DAFx 2010; the
margin: J. Driedger, M. Mueller, S. Disch, "Extending harmonic-percussive separation of audio
signals", ISMIR 2014.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unweave import options
from unweave.core.plan import Segmentation
from unweave.errors import UsageError
from unweave.options import Classical, option
from unweave.signal import centred
from unweave.signal.median import running_median
from unweave.signal.stft import magnitude
from unweave.types import Spec

WIDEST = 1000  # values in a median
BODY_S = 10.0
FADE_S = 0.1
TINY = torch.finfo(torch.float32).tiny
SILENT = 1e-30  # far below any sample, far above TINY
BYTES_PER_SAMPLE = 150.0  # as measured on stereo at an overlap of 4


@dataclass(frozen=True, kw_only=True)
class Hpss(Classical):
    window_s: float = option(
        0.093, "length of a frame, rounded to a power of two samples", above=0, at_most=10
    )
    overlap: int = option(
        4, "number of frames that overlap at each sample", choices=centred.OVERLAPS
    )
    harmonic_s: float = option(0.72, "length of the median filter along time", above=0, at_most=60)
    percussive_hz: float = option(
        334.0, "length of the median filter along frequency", above=0, at_most=20000
    )
    power: float = option(
        2.0, "exponent of the masks; higher values make harder masks", above=0, at_most=16
    )
    margin: float = option(
        1.0,
        "factor by which one part must exceed the other; above 1 there is a residual",
        at_least=1,
        at_most=99,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, width in (
            ("harmonic_s", self.harmonic_s * self.overlap / self.window_s),
            ("percussive_hz", self.percussive_hz * self.window_s),
        ):
            if width > WIDEST:
                raise UsageError(
                    f"hpss: {name} {getattr(self, name):g} makes a median of {width:.0f} values "
                    f"with a window_s of {self.window_s:g}; at most {WIDEST} are possible"
                )

    @property
    def spec(self) -> Spec:
        margin_s = self.harmonic_s / 2 + 1.5 * self.window_s  # windows are rounded, by up to 1.42
        return options.spec(
            self,
            stems=("harmonic", "percussive"),
            segmentation=Segmentation(
                length_s=BODY_S + FADE_S + 2 * margin_s, fade_s=FADE_S, context_s=margin_s
            ),
            bytes_per_sample=BYTES_PER_SAMPLE * self.overlap / 4,
            complement="percussive" if self.margin == 1 else None,
            additive=self.margin == 1,
            scale_equivariant=True,
            paper="FitzGerald 2010",
        )

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        centred.check_mix(mix)
        size = centred.frame_size(self.window_s, sample_rate_hz)
        hop, window = size // self.overlap, centred.hann(size, mix.device)
        spectrum = centred.analyse(mix, size, hop, window)
        steady, broad = masks(
            magnitude(spectrum),
            odd(self.harmonic_s * sample_rate_hz / hop),
            odd(self.percussive_hz * size / sample_rate_hz),
            self.power,
            self.margin,
        )
        length = mix.shape[-1]
        harmonic = centred.synthesise(spectrum, size, hop, window, length, steady)
        if broad is None:
            percussive = mix - harmonic
        else:
            percussive = centred.synthesise(spectrum, size, hop, window, length, broad)
        return torch.stack([harmonic, percussive], dim=1)


def masks(
    magnitudes: Tensor, frames: int, bins: int, power: float = 2.0, margin: float = 1.0
) -> tuple[Tensor, Tensor | None]:
    """The masks of the harmonic and the percussive stem; None for what the first leaves of 1.

    magnitudes: `(..., frequency, frame)`; frames, bins: the odd widths of the medians along time
    and along frequency.
    """
    harmonic = running_median(magnitudes, frames, -1)
    percussive = running_median(magnitudes, bins, -2)
    if margin == 1:
        return _share(harmonic, percussive.add_(TINY), power), None
    return (
        _share(harmonic, (percussive * margin).add_(SILENT), power),
        _share(percussive, (harmonic * margin).add_(SILENT), power),
    )


def _share(own: Tensor, other: Tensor, power: float) -> Tensor:
    """`own^p / (own^p + other^p)`; what it is where both are silent was added to `other`."""
    ratio = torch.div(other, own + TINY, out=other)
    ratio = ratio.square_() if power == 2 else ratio.pow_(power)
    return ratio.add_(1.0).reciprocal_()


def odd(width: float) -> int:
    """The nearest odd number, at least 1."""
    return max(1, 2 * math.floor(width / 2) + 1)


TECHNIQUE = Hpss
