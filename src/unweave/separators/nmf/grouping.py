"""Which components of a factorisation belong to one source: clustering by sound and by timing.

Two components are alike in sound where their energies rise and fall alike over bands of frequency,
in every channel (so that timbre counts, and place, and pitch little), and alike in timing where
their activations do over the frames. The matrix of both likenesses, as the inner products of
points, is what k-means needs; a component counts by its energy.

Casey and Westner, "Separation of mixed audio sources by independent subspace analysis", ICMC 2000;
Spiertz and Gnann, "Source-filter based clustering for monaural blind source separation", DAFx 2009.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from unweave.signal.kmeans import kmeans

BANDS = 24  # of frequency, in equal ratios from the lowest to the highest
ATTEMPTS = 10  # starts of k-means, of which the best is kept
ROUNDS = 100  # of k-means at most; it ends when nothing changes
FAINT = 1e-4  # of a component's mean: below, differences are no sound


def groups(bases: Tensor, activations: Tensor, count: int, *, timing: float, seed: int) -> Tensor:
    """The group of each component, `(component,)`, the group of the most energy being 0.

    bases: `(channel, frequency, component)`; activations: `(component, frame)`. timing: the weight
    of timing against sound, in [0, 1]. There are at most as many groups as components.
    """
    energy = bases.sum((0, 1)) * activations.sum(1)
    if len(energy) <= count:
        labels = torch.arange(len(energy), device=energy.device)
    else:
        likeness = (1 - timing) * sound(bases) + timing * correlation(activations.sqrt())
        where, weights = points(likeness).cpu(), (energy / energy.sum()).cpu().double()
        _, labels = kmeans(
            where, weights, count, seed=seed, starts=ATTEMPTS, steps=ROUNDS, draw=_draw
        )
        labels = labels.to(energy.device)
    totals = torch.zeros(count, dtype=energy.dtype, device=energy.device)
    totals.index_add_(0, labels, energy)
    return totals.argsort(descending=True, stable=True).argsort()[labels]


def sound(bases: Tensor) -> Tensor:
    """How alike spectra are: the correlation of their levels in bands, `(component, component)`."""
    _, frequencies, components = bases.shape
    steps = torch.logspace(0, 1, BANDS + 1, base=frequencies).round().long()
    edges = torch.unique(steps).tolist()  # the lowest bands are narrower than a bin
    if len(edges) < 2:
        return torch.eye(components, dtype=bases.dtype, device=bases.device)
    bands = torch.stack([bases[:, low:high].mean(1) for low, high in pairwise(edges)], dim=1)
    bands = bands / bands.mean((0, 1)).clamp(min=1e-30)
    return correlation(bands.add_(FAINT).log_().flatten(0, 1).mT)


def correlation(rows: Tensor) -> Tensor:
    """The correlation of each row with each, `(row, row)`."""
    centred = rows - rows.mean(1, keepdim=True)
    unit = centred / centred.norm(dim=1, keepdim=True).clamp(min=1e-30)
    return unit @ unit.mT


def points(products: Tensor) -> Tensor:
    """Points `(point, dimension)` with these inner products."""
    sizes, vectors = torch.linalg.eigh(products.double())
    return vectors * sizes.clamp(min=0).sqrt()


def _draw(weights: Tensor, generator: torch.Generator) -> int:
    return int(torch.multinomial(weights, 1, generator=generator)) if weights.any() else 0
