"""How many components a spectrogram has: automatic relevance determination.

A factorisation with more components than needed describes noise with the rest, or one sound twice.
Here each component has a scale, unknown as well, and being of any scale has a price, so that what
explains too little fades away while others take over (Tan and Févotte, "Automatic relevance
determination in nonnegative matrix factorization with the beta-divergence", IEEE TPAMI 35(7), 2013:
the l1 model, by majorisation-minimisation). What falls in every round is

    D(V | W H) + scatter (F + N + a + 1) sum_k log(|w_k| + |h_k| + b),   |.| a sum of entries.

`scatter` is by how much values vary around the model, in the sense of the divergence. The paper
leaves it to the user; here it is measured on a fit without relevance, and rises to that in steps:
early on, when components have not found their shapes yet, the full price would extinguish true
ones. Two components that are one sound in two halves give way to each other very slowly; they are
merged where that lowers the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unweave.separators.nmf import updates

SHAPE = 10.0  # a: of the prior on scales; hardly matters beside F + N
SETTLING = 30  # rounds before relevance counts, after which scatter is measured
ROUNDS = 25  # from one look for what has faded, or may be merged, to the next
LEAST_SCATTERS = 0.02, 0.05, 0.1, 0.2  # of the mean, in turn: what fits exactly has noise too
FADED = 1e-3  # of the largest component: below that, one is gone
ALIKE = 0.9  # cosine of spectra, or of activations, from which a merger is tried


@dataclass(frozen=True, slots=True)
class Relevance:
    """The prior on scales: `weight` is `scatter (F + N + a + 1)`, `least` is `b`."""

    weight: float
    least: float

    def penalty(self, bases: Tensor, activations: Tensor) -> Tensor:
        """What it adds to the denominators of the updates, `(component,)`."""
        return self.weight / (bases.sum(0) + activations.sum(1) + self.least)

    def cost(self, bases: Tensor, activations: Tensor) -> float:
        """What it adds to the loss. Components that are not there cost what is least."""
        scales = bases.sum(0) + activations.sum(1) + self.least
        return self.weight * (scales / self.least).log().sum().item()


def determine(
    values: Tensor, bases: Tensor, activations: Tensor, *, beta: float, iterations: int
) -> updates.Fit:
    """Fit `values (row, column)`, of mean 1, with no more components than are relevant.

    bases, activations: where to begin, with more components than there can be. At most so many
    iterations. The loss has the price of scales in it, so that fits of other sizes compare.
    """
    (rows, columns), most = values.shape, bases.shape[1]
    found = updates.fit(values, bases, activations, beta=beta, iterations=min(SETTLING, iterations))
    measured = scatter(values, found, beta)
    least = ((SHAPE - 1) * (SHAPE - 2) / most) ** 0.5
    spans = max(1, (iterations - SETTLING) // ROUNDS)
    for n in range(spans):
        share = LEAST_SCATTERS[min(len(LEAST_SCATTERS) - 1, 2 * len(LEAST_SCATTERS) * n // spans)]
        prior = Relevance(max(measured, share) * (rows + columns + SHAPE + 1), least)
        found = updates.fit(
            values,
            found.bases,
            found.activations,
            beta=beta,
            iterations=ROUNDS,
            penalty=prior.penalty,
        )
        found = merged(values, relevant(found), prior, beta)
    price = prior.cost(found.bases, found.activations)
    return updates.Fit(found.bases, found.activations, found.loss + price)


def scatter(values: Tensor, found: updates.Fit, beta: float) -> float:
    """Squared deviations from the model over the variances it stands for, `model^(2 - beta)`.

    Both are summed first, so that the loud values count most, which vary more than the divergence
    believes. Freedom that the components took away from the values is counted.
    """
    components = found.bases.shape[1]
    deviation = variance = 0.0
    for first in range(0, values.shape[1], updates.TILE):
        some = slice(first, first + updates.TILE)
        model = (found.bases @ found.activations[:, some]).clamp_(min=updates.FLOOR**0.5)
        deviation += (values[:, some] - model).square_().sum().item()
        variance += model.pow_(2 - beta).sum().item()
    freedom = 1 - components * sum(values.shape) / values.numel()
    return deviation / variance / max(freedom, 0.1)


def relevant(found: updates.Fit) -> updates.Fit:
    """Without what has faded."""
    size = found.bases.sum(0) * found.activations.sum(1)
    keep = size > FADED * size.max()
    if bool(keep.all()):
        return found
    return updates.Fit(found.bases[:, keep], found.activations[keep], found.loss)


def merged(values: Tensor, found: updates.Fit, prior: Relevance, beta: float) -> updates.Fit:
    """With the two most similar components as one, if that lowers loss and price together."""
    pair = most_alike(found)
    if pair is None:
        return found
    one, other = pair
    bases, activations = found.bases.clone(), found.activations.clone()
    sums = bases.sum(0)
    joint = bases[:, one] * activations[one].sum() + bases[:, other] * activations[other].sum()
    bases[:, one] = joint * (sums[one] / joint.sum())
    activations[one] += activations[other] * (sums[other] / sums[one])
    keep = torch.arange(len(sums)) != other
    bases, activations = bases[:, keep], activations[keep]
    tried = updates.fit(
        values, bases, activations, beta=beta, iterations=updates.CHECK, penalty=prior.penalty
    )

    def whole(fit: updates.Fit) -> float:
        return fit.loss + prior.cost(fit.bases, fit.activations)

    return tried if whole(tried) < whole(found) else found


def most_alike(found: updates.Fit) -> tuple[int, int] | None:
    """The two components whose spectra or activations have the largest cosine, if above ALIKE."""
    if found.bases.shape[1] < 2:
        return None
    spectra = torch.nn.functional.normalize(found.bases, dim=0)
    times = torch.nn.functional.normalize(found.activations, dim=1)
    likeness = torch.maximum(spectra.mT @ spectra, times @ times.mT).fill_diagonal_(0.0)
    best = int(likeness.argmax())
    one, other = divmod(best, likeness.shape[1])
    return (one, other) if likeness[one, other] > ALIKE else None
