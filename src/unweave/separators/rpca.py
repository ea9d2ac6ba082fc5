"""RPCA: a voice as the sparse part of a spectrogram, music as its low-rank part.

**Idea.** Accompaniment uses a few spectra again and again, so that its spectrogram, as a matrix,
has a low rank. A voice varies more and fills few bins. Robust principal component analysis finds
the low-rank matrix and the sparse one that sum to the spectrogram; they share out each bin.

**Formula.** Minimise `|L|_* + w |S|_1` with `L + S = V`, `V` being the magnitudes (frequencies x
frames) of a channel, `|L|_*` the sum of singular values and `w = sparsity / sqrt(larger side)`.
The foreground's mask is `S^2 / (S^2 + (gain L)^2)`; the paper's, `binary`, is 1 where
`|S| > gain |L|` and 0 elsewhere. All below `high_pass_hz` is background.

**When it fails.** Drums are sparse too and end up with the voice. A voice that is loud beside the
music, or holds its notes, is low-rank. Time and memory grow with the length, and the longer the
recording, the higher the rank of the music.

**Paper.** P.-S. Huang, S. D. Chen, P. Smaragdis, M. Hasegawa-Johnson, "Singing-voice separation
from monaural recordings using robust principal component analysis", ICASSP 2012.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unweave.core import parameters
from unweave.core.parameters import parameter
from unweave.core.types import Spec
from unweave.dsp import centred
from unweave.dsp.foreground import FACTS, TINY, Grid, separate
from unweave.dsp.robust_pca import robust_pca
from unweave.dsp.threads import each

BYTES_PER_SAMPLE = 300.0  # as measured on stereo at an overlap of 4


@dataclass(frozen=True, kw_only=True)
class Rpca:
    window_s: float = parameter(
        0.0464, "length of a frame, to the nearest power of two samples", above=0, at_most=10
    )
    window: str = parameter("hann", "shape of a frame's window", choices=centred.WINDOWS)
    overlap: int = parameter(4, "frames that cover each sample", at_least=2, at_most=16)
    sparsity: float = parameter(
        1.0, "weight of the sparse part: the higher, the less goes to the vocals", above=0
    )
    gain: float = parameter(
        1.0, "how many times the low-rank part the sparse one must exceed", above=0
    )
    mask: str = parameter("soft", "kind of mask", choices=("soft", "binary"))
    tolerance: float = parameter(
        1e-4, "part of the spectrogram that may be left over at the end", at_least=1e-6, at_most=0.1
    )
    iterations: int = parameter(100, "steps, at most", at_least=1, at_most=10000)
    high_pass_hz: float = parameter(
        100.0, "frequency below which all is accompaniment", at_least=0, at_most=20000
    )

    def __post_init__(self) -> None:
        parameters.check(self)
        centred.check_overlap(parameters.name_of(self), self.overlap)

    @property
    def spec(self) -> Spec:
        return parameters.spec(
            self,
            **FACTS,
            bytes_per_sample=BYTES_PER_SAMPLE * self.overlap / 4,
            paper="Huang and others 2012",
        )

    def to(self, device: str) -> Rpca:
        return self

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        grid = Grid.of(self.window_s, self.overlap, sample_rate_hz, self.window)

        def masks(magnitudes: Tensor) -> Tensor:
            return torch.stack(each(self.mask_of, magnitudes))

        return separate(mix, grid, self.high_pass_hz, masks)

    def mask_of(self, magnitudes: Tensor) -> Tensor:
        """The foreground's mask of `(frequency, frame)`."""
        low, sparse = robust_pca(
            magnitudes,
            self.sparsity / max(magnitudes.shape) ** 0.5,
            tolerance=self.tolerance,
            iterations=self.iterations,
        )
        low, sparse = low.abs_().mul_(self.gain), sparse.abs_()
        if self.mask == "binary":
            return (sparse > low).to(magnitudes.dtype)
        low, sparse = low.square_(), sparse.square_()
        return sparse / (low + sparse + TINY)


TECHNIQUE = Rpca
