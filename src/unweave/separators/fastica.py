"""Instantaneous mixtures, at most as many sources as channels: independent component analysis.

**Idea.** A sum of independent sources is closer to a Gaussian than each of them. So the directions
in which a mix of several channels is least Gaussian are the sources. FastICA finds them by a
fixed-point iteration that needs no step size.

**Formula.** The mix is centred and whitened, `z = K (x - mean)`, by the principal components of its
covariance. Demixing vectors `w` of unit length then follow

    w <- E[g(w z) z] - E[g'(w z)] w

with the contrast's `g`: `tanh y` (`logcosh`), `y exp(-y^2 / 2)` (`exp`) or `y^3` (`cubic`); after
each step all vectors are made orthogonal together (`symmetric`), or each to those before it
(`deflation`), until no vector changes by more than `1 - |cos| < tolerance`. A source has neither
scale nor sign nor place of its own: its stem is what it adds to each channel (the minimal
distortion principle, `A = (W K)^-1`, image `A[:, s] y_s`), so that the stems sum to the mix, and
the loudest comes first. With more channels than sources the weakest principal components are left
out; they are the residual. `seed` is that of the initial vectors.

**When it fails.** Any delay or echo: microphones in a room need AuxIVA or ILRMA. Two sources that
are both Gaussian. Channels that hold the same (a mono recording in two channels is one source, and
the other stems are silent). Songs: they have more sources than channels; PROJET separates those.

**Paper.** A. Hyvarinen, E. Oja, "Independent component analysis: algorithms and applications",
Neural Networks 13, 2000; minimal distortion: K. Matsuoka, S. Nakashima, "Minimal distortion
principle for blind source separation", ICA 2001.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from unweave import options
from unweave.options import LARGEST_SEED, Classical, option
from unweave.separators._shared import demix, images
from unweave.signal.stft import groups
from unweave.types import Spec

BLOCK = 1 << 16  # samples at once, or a song's every array would be as long as the song
SAME = 1e-9  # channels that differ by less of their power (-90 dB) hold the same

Contrast = Callable[[Tensor], tuple[Tensor, Tensor]]
"""`y (row, time)` to `g(y)` and the sum of `g'(y)` over time; may overwrite y."""


def logcosh(y: Tensor) -> tuple[Tensor, Tensor]:
    g = y.mul_(2).sigmoid_().mul_(2).sub_(1)  # tanh, by a function that torch has faster
    return g, y.shape[-1] - g.square().sum(-1)


def exp(y: Tensor) -> tuple[Tensor, Tensor]:
    bell = y.square().mul_(-0.5 / math.log(2)).exp2_()  # torch has it faster than exp
    g = bell * y
    return g, bell.sum(-1) - y.mul_(g).sum(-1)


def cubic(y: Tensor) -> tuple[Tensor, Tensor]:
    square = y.square()
    return y.mul_(square), 3 * square.sum(-1)


CONTRASTS: dict[str, Contrast] = {"logcosh": logcosh, "exp": exp, "cubic": cubic}


def whiten(wave: Tensor, sources: int) -> tuple[Tensor, Tensor, Tensor]:
    """Centred and white principal components of a wave `(channel, time)`, `sources` at most.

    Returns the white wave `(source, time)` float32, and in double precision the whitening matrix
    `(source, channel)` and its inverse `(channel, source)`. Components that hold nothing are left
    out, so that there may be fewer than asked for, and none in silence.
    """
    real, (channels, length) = demix.fine(wave.device)[0], wave.shape
    mean = wave.mean(1, keepdim=True, dtype=real)
    covariance = torch.zeros(channels, channels, dtype=real, device=wave.device)
    for some in groups(length, BLOCK):
        centred = wave[:, some] - mean
        covariance += centred @ centred.mT
    whitener, inverse = demix.whitening(covariance / length)
    power = inverse.square().sum(0)  # of each component, the strongest first
    kept = min(sources, int((power > SAME * power[0]).sum())) if covariance.any() else 0
    whitener, inverse = whitener[:kept], inverse[:, :kept]
    white = wave.new_empty(kept, length)
    for some in groups(length, BLOCK):
        white[:, some] = whitener @ (wave[:, some] - mean)
    return white, whitener, inverse


def unmix(
    white: Tensor,
    start: Tensor,
    *,
    contrast: str = "logcosh",
    algorithm: str = "symmetric",
    tolerance: float = 1e-8,
    iterations: int = 200,
) -> Tensor:
    """The rotation `(source, source)` of a white wave `(source, time)` whose rows are the sources.

    start: real `(source, source)`, in double precision where there is one, of full rank.
    """
    if algorithm == "symmetric":
        rows = together(start)
        for _ in range(iterations):
            before, rows = rows, together(step(white, rows, CONTRASTS[contrast]))
            if _turned(before, rows) < tolerance:
                break
        return rows
    found = start[:0]
    for row in start.split(1):
        row = row / torch.linalg.vector_norm(row)
        for _ in range(iterations):
            before, row = row, apart(step(white, row, CONTRASTS[contrast]), found)
            if _turned(before, row) < tolerance:
                break
        found = torch.cat([found, row])
    return found


def step(white: Tensor, rows: Tensor, contrast: Contrast) -> Tensor:
    """`E[g(w z) z] - E[g'(w z)] w` for each row w, summed up in double precision."""
    moment, slope = torch.zeros_like(rows), torch.zeros_like(rows[:, 0])
    single = rows.to(white.dtype)
    for block in white.split(BLOCK, dim=-1):
        g, slopes = contrast(single @ block)
        moment += g @ block.mT
        slope += slopes
    return (moment - slope[:, None] * rows) / white.shape[1]


def together(rows: Tensor) -> Tensor:
    """The orthogonal matrix nearest to `rows`: `(W W^T)^(-1/2) W`."""
    left, _, right = torch.linalg.svd(rows)
    return left @ right


def apart(row: Tensor, others: Tensor) -> Tensor:
    """`row` of unit length, without what lies along the `others`."""
    row = row - row @ others.mT @ others
    return row / torch.linalg.vector_norm(row)


def _turned(before: Tensor, rows: Tensor) -> float:
    """How far the row that turned most did: 1 - |cos|."""
    return float((1 - (before * rows).sum(1).abs()).abs().max())


@dataclass(frozen=True, kw_only=True)
class FastIca(Classical):
    sources: int = option(
        2, "number of sources, at most the number of channels", at_least=2, at_most=64
    )
    contrast: str = option(
        "logcosh", "contrast function, which measures non-Gaussianity", choices=tuple(CONTRASTS)
    )
    algorithm: str = option(
        "symmetric",
        "estimate all demixing vectors in parallel, or one after the other",
        choices=("symmetric", "deflation"),
    )
    tolerance: float = option(
        1e-8, "stopping criterion: 1 - |cos| of the change of a demixing vector", above=0, at_most=1
    )
    iterations: int = option(200, "maximum number of iterations", at_least=1, at_most=100000)
    seed: int = option(
        0, "random seed of the initial demixing vectors", at_least=0, at_most=LARGEST_SEED
    )

    @property
    def spec(self) -> Spec:
        return options.spec(
            self,
            **images.facts(self.sources),
            bytes_per_sample=8.0 * self.sources * (self.sources + 2),
            paper="Hyvarinen and Oja 2000",
        )

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        images.check_channels(options.name_of(self), self.sources, mix)
        return images.map_batch(self._separate, mix)

    def _separate(self, mix: Tensor) -> Tensor:
        """`(channel, time)` to `(source, channel, time)`."""
        white, whitener, inverse = whiten(mix, self.sources)
        stems = mix.new_zeros(self.sources, *mix.shape)
        found, channels = len(white), len(mix)
        if found < 2:  # one source, or none
            stems[0] = mix
            return stems
        generator = torch.Generator().manual_seed(self.seed)
        start = torch.randn(found, found, generator=generator, dtype=torch.float64)
        rows = unmix(
            white,
            start.to(whitener),
            contrast=self.contrast,
            algorithm=self.algorithm,
            tolerance=self.tolerance,
            iterations=self.iterations,
        )
        del white
        matrices = (inverse @ rows.mT).mT[:, :, None] * (rows @ whitener)[:, None]
        for some in groups(mix.shape[1], BLOCK):
            stems[:found, :, some] = matrices @ mix[:, some].to(matrices.dtype)
        if found == channels:  # the sum of all, to the last digit
            stems[found - 1] = mix - stems[: found - 1].sum(0)
        return images.by_energy(stems)


TECHNIQUE = FastIca
