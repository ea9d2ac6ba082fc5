"""Voices and instruments in a room, as many as microphones: independent low-rank matrices (ILRMA).

**Idea.** As AuxIVA, but a source is more than loud or faint: its spectrogram is a sum of a few
spectra that come and go (non-negative matrix factorisation), as the notes of an instrument do.
Where and when a source is loud is then known bin by bin, which separates sources that play
together. The result depends on the initial values, so that the first iterations are AuxIVA's.

**Formula.** With `y_st = W_f x_ft`, source `s` has the variance `r_sft = sum_k t_sfk v_skt`, and

    cost = sum_sft (|y_sft|^2 / r_sft + log r_sft) - 2 frames sum_f log |det W_f|

falls in every iteration: `t` and `v` are updated as in NMF with the Itakura-Saito divergence, by
the square root of the usual ratio, and the demixing vectors, rows of `W_f`, by iterative projection
from the covariances `V_sf = mean_t x_ft x_ft^H / r_sft`, one at a time (`single`) or two at a time
(`pair`). Each source is projected back to its image at every microphone, so that the stems sum to
the mix; with more channels than sources, what is left over is the residual. Stems are ordered by
energy, the loudest first. `seed` is that of the initial `t` and `v`.

**When it fails.** Echoes longer than the window, sources that move, and songs mixed with pan pots,
as with AuxIVA. Too many `components` for a short recording: a source then explains all of it.

**Paper.** D. Kitamura, N. Ono, H. Sawada, H. Kameoka, H. Saruwatari, "Determined blind source
separation unifying independent vector analysis and nonnegative matrix factorization", IEEE/ACM
TASLP 24(9), 2016.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unweave import options
from unweave.errors import UsageError
from unweave.options import LARGEST_SEED, Classical, option
from unweave.separators._shared import demix, images, iva
from unweave.signal import centred
from unweave.signal.stft import groups
from unweave.types import Spec

BINS_AT_ONCE = 256  # frequencies whose variances are at hand at the same time
QUIET = 1e-7  # of a source's mean power: the model's variance is never less
SMALLEST = 1e-12  # no entry of the factors is less, or it could never grow again


def factors(
    sources: int, bins: int, frames: int, components: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Random `t (source, frequency, component)` and `v (source, component, frame)` in [0.1, 1)."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (sources, bins, components), (sources, components, frames)
    first, second = (torch.rand(shape, generator=generator).mul_(0.9).add_(0.1) for shape in shapes)
    return first, second


def rows(
    products: Tensor,
    start: Tensor,
    spectra: Tensor,
    activations: Tensor,
    *,
    iterations: int,
    step: str = "pair",
) -> Tensor:
    """Rows of the demixing matrices of a white mix.

    products: real `(frequency, channel^2, frame)`, see `_shared/demix`; start: complex
    `(source, frequency, channel)`; spectra, activations: as `factors` gives them; they are changed.
    Returns rows shaped as the start.
    """
    found, (bins, _, frames) = start, products.shape
    for n in range(iterations):
        power = powers(products, found)
        level = power.mean((1, 2), keepdim=True).clamp_(min=SMALLEST)
        power /= level  # each source has a scale of its own, which changes nothing
        found = found / level.sqrt()
        if n:
            spectra /= level
        refine(power, spectra, activations)
        sums = power.new_empty(len(start), bins, products.shape[1])
        for some in groups(bins, BINS_AT_ONCE):
            precision = variances(spectra[:, some], activations).reciprocal_()
            sums[:, some] = (products[some] @ precision.permute(1, 2, 0)).permute(2, 0, 1)
        found = iva.STEPS[step](found, sums.div_(frames).to(found.real.dtype))
    return found


def powers(products: Tensor, rows: Tensor) -> Tensor:
    """`|y|^2` of the separated sources: `(source, frequency, frame)`."""
    weights = demix.power_weights(rows).to(products.dtype).transpose(0, 1)
    out = products.new_empty(rows.shape[0], products.shape[0], products.shape[2])
    for some in groups(products.shape[0], BINS_AT_ONCE):
        out[:, some] = (weights[some] @ products[some]).transpose(0, 1)
    return out.clamp_(min=0)


def variances(spectra: Tensor, activations: Tensor) -> Tensor:
    """The model of the powers: `(source, frequency, frame)`."""
    return torch.matmul(spectra, activations).add_(QUIET)


def refine(power: Tensor, spectra: Tensor, activations: Tensor) -> None:
    """One round of Itakura-Saito NMF for each source, in place; its loss does not rise."""
    gain, loss = torch.zeros_like(activations), torch.zeros_like(activations)
    for some in groups(power.shape[1], BINS_AT_ONCE):
        part, observed = spectra[:, some], power[:, some]
        precision = variances(part, activations).reciprocal_()
        ratio = torch.mul(observed, precision).mul_(precision)
        part *= ((ratio @ activations.mT) / (precision @ activations.mT)).sqrt_()
        part.clamp_(min=SMALLEST)
        precision = variances(part, activations).reciprocal_()
        torch.mul(observed, precision, out=ratio).mul_(precision)
        gain += part.mT @ ratio
        loss += part.mT @ precision
    activations *= gain.div_(loss).sqrt_()
    activations.clamp_(min=SMALLEST)


@dataclass(frozen=True, kw_only=True)
class Ilrma(Classical):
    sources: int = option(
        2, "number of sources, at most the number of channels", at_least=2, at_most=16
    )
    components: int = option(
        10, "number of NMF components of each source", at_least=1, at_most=1000
    )
    window_s: float = option(
        0.256, "length of a frame, rounded to a power of two samples", above=0, at_most=10
    )
    overlap: int = option(
        4, "number of frames that overlap at each sample", choices=centred.OVERLAPS
    )
    warm_up: int = option(20, "number of AuxIVA iterations before", at_least=0, at_most=10000)
    iterations: int = option(100, "number of update iterations", at_least=1, at_most=10000)
    step: str = option(
        "single",
        "update rule: one demixing vector at a time (IP1) or pairs (IP2)",
        choices=("single", "pair"),
    )
    seed: int = option(
        0, "random seed of the initial spectra and activations", at_least=0, at_most=LARGEST_SEED
    )

    @property
    def spec(self) -> Spec:
        return options.spec(
            self,
            **images.facts(self.sources),
            bytes_per_sample=images.bytes_per_sample(self.sources, self.overlap)
            + 2.4 * self.overlap * self.sources,
            paper="Kitamura et al. 2016",
        )

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        images.check_channels(options.name_of(self), self.sources, mix)
        size = centred.frame_size(self.window_s, sample_rate_hz)
        if self.components > size // 2 + 1:
            raise UsageError(
                f"ilrma: components {self.components} is above the {size // 2 + 1} frequencies of "
                "a frame; take fewer, or a longer window_s"
            )
        hop = size // self.overlap
        return images.map_batch(
            lambda one: images.separate(one, self.sources, size, hop, self._rows), mix
        )

    def _rows(self, products: Tensor, start: Tensor) -> Tensor:
        bins, _, frames = products.shape
        warm = iva.rows(products, start, iterations=self.warm_up)
        spectra, activations = factors(self.sources, bins, frames, self.components, self.seed)
        return rows(
            products,
            warm,
            spectra.to(products.device),
            activations.to(products.device),
            iterations=self.iterations,
            step=self.step,
        )


TECHNIQUE = Ilrma
