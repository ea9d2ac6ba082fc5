"""Losses: how far stems are from what they should be; one number for each example of a batch.

A term is a function of an `Outcome`, which computes spectra, waves and embeddings when they are
first asked for. Stems without names are compared in the order that fits best (PIT: Kolbæk, Yu, Tan
and Jensen, IEEE/ACM TASLP 25(10), 2017).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from unweave.errors import UsageError
from unweave.models.deep_clustering.model import owners

EPSILON = 1e-8
DISCRIMINATION = 0.05  # Huang et al.'s gamma
RESOLUTIONS = (512, 1024, 2048)  # frames of the multi-resolution loss, a quarter apart


class Outcome:
    """What a network made of a mix of `stems (batch, stem, channel, time)`."""

    def __init__(self, network: Any, stems: Tensor) -> None:
        self.network, self.stems = network, stems
        self.mix = stems.sum(1)  # (batch, channel, time)

    @property
    def spectral(self) -> bool:
        return hasattr(self.network, "transform")

    @cached_property
    def mix_spectrum(self) -> Tensor:
        """Complex `(batch, channel, frame, bin)`."""
        return self.network.transform.analyse(self.mix)

    @cached_property
    def _both(self) -> tuple[Tensor | None, Tensor | None]:
        if hasattr(self.network, "estimate_and_embed"):
            return self.network.estimate_and_embed(self.mix_spectrum)
        return self.network.estimate(self.mix_spectrum), None

    @cached_property
    def spectra(self) -> Tensor:
        """Of the estimates, complex `(batch, stem, channel, frame, bin)`."""
        if not self.spectral:
            raise UsageError("[loss]: the network has no spectra; take terms on waves")
        if self._both[0] is None:
            raise UsageError("[loss]: the network has no masks; take deep_clustering alone")
        return self._both[0]

    @cached_property
    def embeddings(self) -> Tensor:
        """Unit vectors `(batch, channel, frame, bin, dimension)`."""
        if not self.spectral or self._both[1] is None:
            raise UsageError("[loss]: the network has no embeddings; leave out deep_clustering")
        return self._both[1]

    @cached_property
    def true_spectra(self) -> Tensor:
        return self.network.transform.analyse(self.stems)

    @cached_property
    def waves(self) -> Tensor:
        """Of the estimates, `(batch, stem, channel, time)`."""
        if self.spectral:
            return self.network.transform.synthesise(self.spectra, self.stems.shape[-1])
        return self.network(self.mix)

    def permuted(self, order: tuple[int, ...]) -> Outcome:
        """The same with the true stems in another order."""
        other = Outcome(self.network, self.stems[:, list(order)])
        for name in ("mix_spectrum", "_both", "waves", "true_spectra"):
            if name in self.__dict__:
                value = self.__dict__[name]
                other.__dict__[name] = value[:, list(order)] if name == "true_spectra" else value
        return other


Term = Callable[[Outcome], Tensor]


def wave_l1(outcome: Outcome) -> Tensor:
    return (outcome.waves - outcome.stems).abs().mean((1, 2, 3))


def wave_l2(outcome: Outcome) -> Tensor:
    return (outcome.waves - outcome.stems).square().mean((1, 2, 3))


def magnitude_l1(outcome: Outcome) -> Tensor:
    return (_magnitude(outcome.spectra) - _magnitude(outcome.true_spectra)).abs().mean((1, 2, 3, 4))


def magnitude_l2(outcome: Outcome) -> Tensor:
    error = _magnitude(outcome.spectra) - _magnitude(outcome.true_spectra)
    return error.square().mean((1, 2, 3, 4))


def root_magnitude_l1(outcome: Outcome) -> Tensor:
    """On square roots of magnitudes: quiet bins count too."""
    return (_root(outcome.spectra) - _root(outcome.true_spectra)).abs().mean((1, 2, 3, 4))


def discriminative(outcome: Outcome) -> Tensor:
    """Near the stem and far from the others, on magnitudes (Huang et al. 2015, equation 9)."""
    estimates, stems = _magnitude(outcome.spectra), _magnitude(outcome.true_spectra)
    count = stems.shape[1]
    near = (estimates - stems).square().mean((1, 2, 3, 4))
    far = [(estimates - stems.roll(n, 1)).square().mean((1, 2, 3, 4)) for n in range(1, count)]
    return 0.5 * (near - DISCRIMINATION * torch.stack(far).mean(0))


def deep_clustering(outcome: Outcome) -> Tensor:
    """Bins of one stem together, others apart: `|VV' - YY'|^2` without ever forming it (Hershey,
    Chen, Le Roux and Watanabe, ICASSP 2016); bins weigh as their magnitudes do."""
    vectors = outcome.embeddings.flatten(1, 3)  # (batch, bin of any frame, dimension)
    weight = outcome.mix_spectrum.abs().flatten(1)
    weight = weight / (weight.sum(1, keepdim=True) + EPSILON)
    labels = owners(outcome.true_spectra).flatten(2).mT  # (batch, bin of any frame, stem)
    root = weight.sqrt()[..., None]
    v, y = vectors * root, labels * root
    own, cross, true = v.mT @ v, v.mT @ y, y.mT @ y
    return own.square().sum((1, 2)) - 2 * cross.square().sum((1, 2)) + true.square().sum((1, 2))


def si_sdr(outcome: Outcome) -> Tensor:
    """Scale-invariant SDR, negative, in dB; the mean over stems (Le Roux et al., ICASSP 2019)."""
    estimates, stems = outcome.waves.flatten(2), outcome.stems.flatten(2)
    scale = (estimates * stems).sum(-1, keepdim=True) / (
        stems.square().sum(-1, keepdim=True) + EPSILON
    )
    target = scale * stems
    signal, error = target.square().sum(-1), (estimates - target).square().sum(-1)
    return 10 * torch.log10((error + EPSILON) / (signal + EPSILON)).mean(1)


def sdr(outcome: Outcome) -> Tensor:
    """Error below the stem, negative SDR, in dB; the mean over stems. The error has a floor 30 dB,
    the stem one 20 dB below the mix: neither what is perfect nor silence outweighs all else."""
    power = outcome.mix.square().sum((1, 2))[:, None] + EPSILON
    error = (outcome.waves - outcome.stems).square().sum((2, 3)) + 1e-3 * power
    return 10 * torch.log10(error / (outcome.stems.square().sum((2, 3)) + 1e-2 * power)).mean(1)


def multi_resolution(outcome: Outcome) -> Tensor:
    """Magnitudes at three resolutions: the relative error, and L1 of logarithms (Yamamoto, Song and
    Kim, ICASSP 2020)."""
    estimates, stems = outcome.waves.flatten(0, 2), outcome.stems.flatten(0, 2)
    total = estimates.new_zeros(len(estimates))
    for size in RESOLUTIONS:
        window = torch.hann_window(size, device=stems.device)
        both = [
            _magnitude(
                torch.stft(
                    x, size, size // 4, window=window, return_complex=True, pad_mode="constant"
                )
            )
            for x in (estimates, stems)
        ]
        far = ((both[0] - both[1]).square().sum((1, 2)) + EPSILON).sqrt()
        total = total + far / (both[1].square().sum((1, 2)).sqrt() + 1e-2)
        total = total + (both[0] + 1e-3).log().sub((both[1] + 1e-3).log()).abs().mean((1, 2))
    return total.unflatten(0, (outcome.stems.shape[0], -1)).mean(1) / len(RESOLUTIONS)


TERMS: Mapping[str, Term] = {
    term.__name__: term
    for term in (
        wave_l1, wave_l2, magnitude_l1, magnitude_l2, root_magnitude_l1, discriminative,
        deep_clustering, si_sdr, sdr, multi_resolution,
    )
}  # fmt: skip


def loss(
    outcome: Outcome, weights: Mapping[str, float], *, pit: bool
) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum of terms, and each term by itself; means over the batch.

    pit: permutation-invariant training: each example counts in the order of stems that has the
    least sum.
    """

    def table(some: Outcome) -> Tensor:
        return torch.stack([TERMS[name](some) for name in weights])  # (term, batch)

    values = table(outcome)
    scale = torch.tensor(list(weights.values()), dtype=values.dtype, device=values.device)
    if pit:
        orders = list(itertools.permutations(range(outcome.stems.shape[1])))
        tables = torch.stack([values, *(table(outcome.permuted(order)) for order in orders[1:])])
        best = torch.einsum("otb,t->ob", tables, scale).argmin(0)
        values = tables[best, :, torch.arange(len(best))].T
    total = (scale[:, None] * values).sum(0).mean()
    return total, {name: value.mean().detach() for name, value in zip(weights, values, strict=True)}


def _magnitude(spectra: Tensor) -> Tensor:
    """`|spectra|` with a gradient at zero."""
    if not spectra.is_complex():
        return spectra
    return (spectra.real.square() + spectra.imag.square() + EPSILON**2).sqrt()


def _root(spectra: Tensor) -> Tensor:
    """The square root of `|spectra|`, its slope bounded."""
    return (spectra.real.square() + spectra.imag.square() + 1e-7) ** 0.25
