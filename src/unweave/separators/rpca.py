"""RPCA: a voice as the sparse part of a spectrogram, music as its low-rank part.

**Idea.** Accompaniment uses a few spectra again and again, so that its spectrogram, as a matrix,
has a low rank. A voice varies more and fills few bins. Robust principal component analysis finds
the low-rank matrix and the sparse one that sum to the spectrogram; they share out each bin.

**Formula.** Minimise `|L|_* + w |S|_1` with `L + S = V`, `V` being the magnitudes (frequencies x
frames) of a channel, `|L|_*` the sum of singular values and `w = sparsity / sqrt(larger side)`. The
foreground's mask is `S^2 / (S^2 + (gain L)^2)`; the paper's, `binary`, is 1 where `|S| > gain |L|`
and 0 elsewhere. All below `high_pass_hz` is background.

**When it fails.** Drums are sparse too and end up with the voice. A loud voice, or one that
holds its notes, is low-rank. Time and memory grow with the length. The rank of the music is higher
in a longer recording.

**Paper.** P.-S. Huang, S. D. Chen, P. Smaragdis, M. Hasegawa-Johnson, "Singing-voice separation
from monaural recordings using robust principal component analysis", ICASSP 2012.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unweave import options
from unweave.options import Classical, option
from unweave.separators._shared.foreground import FACTS, TINY, Grid, separate
from unweave.signal import centred
from unweave.signal.threads import parallel_map
from unweave.types import Spec

BYTES_PER_SAMPLE = 300.0  # as measured on stereo at an overlap of 4
GROWTH = 1.5  # of the penalty, in each step; as in the authors' code
ROUNDING = 1e-6  # of the largest eigenvalue: smaller ones are rounding in single precision


@dataclass(frozen=True, kw_only=True)
class Rpca(Classical):
    window_s: float = option(
        0.0464, "length of a frame, rounded to a power of two samples", above=0, at_most=10
    )
    window: str = option("hann", "window function", choices=centred.WINDOWS)
    overlap: int = option(
        4, "number of frames that overlap at each sample", choices=centred.OVERLAPS
    )
    sparsity: float = option(
        1.0, "weight of the sparse part; higher values leave less in the vocals", above=0
    )
    gain: float = option(
        1.0, "factor by which the sparse part must exceed the low-rank part", above=0
    )
    mask: str = option("soft", "type of mask", choices=("soft", "binary"))
    tolerance: float = option(
        1e-4, "stopping criterion: residual relative to the spectrogram", at_least=1e-6, at_most=0.1
    )
    iterations: int = option(100, "maximum number of iterations", at_least=1, at_most=10000)
    high_pass_hz: float = option(
        100.0, "cut-off frequency; everything below it is accompaniment", at_least=0, at_most=20000
    )

    @property
    def spec(self) -> Spec:
        return options.spec(
            self,
            **FACTS,
            bytes_per_sample=BYTES_PER_SAMPLE * self.overlap / 4,
            paper="Huang and others 2012",
        )

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        grid = Grid.of(self.window_s, self.overlap, sample_rate_hz, self.window)

        def masks(magnitudes: Tensor) -> Tensor:
            return torch.stack(parallel_map(self.mask_of, magnitudes))

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


def robust_pca(
    matrix: Tensor, weight: float, *, tolerance: float, iterations: int
) -> tuple[Tensor, Tensor]:
    """Low-rank and sparse parts of `(row, column)`.

    Minimises `|L|_* + weight |S|_1` subject to `L + S = matrix`: Candes, Li, Ma, Wright, "Robust
    principal component analysis?", J. ACM 58(3), 2011, by the inexact augmented Lagrange
    multipliers of Lin, Chen, Ma, arXiv 1009.5055, 2010, algorithm 5.
    Ends when what both leave of the matrix has less than `tolerance` of its norm, or after so many
    iterations. Single precision reaches 1e-6.
    """
    if matrix.shape[0] > matrix.shape[1]:
        low, sparse = robust_pca(
            matrix.mT.contiguous(), weight, tolerance=tolerance, iterations=iterations
        )
        return low.mT, sparse.mT
    size = matrix.norm().item()
    if size == 0.0:
        return torch.zeros_like(matrix), torch.zeros_like(matrix)
    largest = torch.linalg.eigvalsh(matrix @ matrix.mT)[-1].sqrt().item()
    multiplier = matrix / max(largest, matrix.abs().max().item() / weight)
    penalty = 1.25 / largest
    limit = penalty * 1e7
    low = sparse = torch.zeros_like(matrix)
    for _ in range(iterations):
        target = torch.add(matrix, multiplier, alpha=1 / penalty)  # what L + S should be
        low = shrink_singular_values(target - sparse, 1 / penalty)
        target -= low
        sparse = torch.nn.functional.softshrink(target, weight / penalty)
        rest = matrix - low
        rest -= sparse
        multiplier.add_(rest, alpha=penalty)
        penalty = min(penalty * GROWTH, limit)
        if rest.norm().item() < tolerance * size:
            break
    return low, sparse


def shrink_singular_values(matrix: Tensor, threshold: float) -> Tensor:
    """`(row, column)`, no fewer columns than rows, with all singular values less `threshold`.

    Those that would be negative are 0. The vectors of the smaller side are enough, and they are the
    eigenvectors of a small square matrix.
    """
    squares, vectors = torch.linalg.eigh(matrix @ matrix.mT)  # smallest first
    cut = 0.9 * threshold**2
    if cut > ROUNDING * squares[-1].item():
        vectors = vectors[:, int(torch.searchsorted(squares, cut)) :]
    parts = vectors.mT @ matrix
    values = parts.norm(dim=1)  # the square roots of `squares`, but to more digits
    keep = values > threshold
    gains = 1 - threshold / values[keep]
    return vectors[:, keep] @ (parts[keep] * gains[:, None])


TECHNIQUE = Rpca
