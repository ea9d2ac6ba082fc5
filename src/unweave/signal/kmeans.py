"""k-means on weighted points: k-means++ starts, Lloyd's steps, the best of several starts.

Points of weight zero pull no centre, but they get a label too. The seed is an argument and the
sums have one order: the same points give the same labels.

Lloyd, "Least squares quantization in PCM", IEEE Trans. Information Theory 28(2), 1982; Arthur and
Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Draw = Callable[[Tensor, torch.Generator], int]
"""One index, by weight."""


def draw(weights: Tensor, generator: torch.Generator) -> int:
    """One index, by weight; the first where all weights are zero. Takes any number of points."""
    sums = weights.double().cumsum(0)
    at = torch.rand(1, generator=generator, dtype=torch.float64).to(sums.device) * sums[-1]
    return min(int(torch.searchsorted(sums, at, right=True)), len(weights) - 1) if sums[-1] else 0


def kmeans(
    points: Tensor,
    weights: Tensor,
    count: int,
    *,
    seed: int,
    starts: int = 4,
    steps: int = 50,
    draw: Draw = draw,
) -> tuple[Tensor, Tensor]:
    """Cluster `points (point, dimension)` of `weights (point,)`, none negative.

    Returns the centres `(count, dimension)` and each point's label `(point,)`, those of the start
    that ends with the least weighted squared distance. `steps` is the most that are taken.
    Raises ValueError for less than one point, cluster or start.
    """
    if min(len(points), count, starts) < 1:
        raise ValueError(
            f"{len(points)} points, {count} clusters, {starts} starts: at least 1 each"
        )
    heavy = weights > 0
    if not heavy.any():
        heavy, weights = torch.ones_like(heavy), torch.ones_like(weights)  # all points are alike
    pulling, pull = points[heavy], weights[heavy]
    generator = torch.Generator().manual_seed(seed)
    found = [
        lloyd(pulling, pull, spread(pulling, pull, count, generator, draw), steps)
        for _ in range(starts)
    ]
    centres, _ = min(found, key=lambda result: result[1])
    return centres, distances(points, centres).argmin(1)


def spread(
    points: Tensor, weights: Tensor, count: int, generator: torch.Generator, draw: Draw = draw
) -> Tensor:
    """Start centres `(count, dimension)`: each drawn by its squared distance to those before."""
    centres = points[draw(weights, generator)][None]
    while len(centres) < count:
        far = distances(points, centres).amin(1) * weights
        centres = torch.cat([centres, points[draw(far, generator)][None]])
    return centres


def lloyd(points: Tensor, weights: Tensor, centres: Tensor, steps: int) -> tuple[Tensor, float]:
    """Centres and the weighted squared distance to them, after at most `steps` from `centres`.

    A centre that no weight is nearest to stays where it is.
    """
    square = distances(points, centres)  # (point, count)
    labels = square.argmin(1)
    for _ in range(steps):
        share = torch.nn.functional.one_hot(labels, len(centres)).to(points) * weights[:, None]
        total = share.sum(0)[:, None]  # (count, 1)
        means = share.T @ points / total.clamp(min=torch.finfo(points.dtype).tiny)
        centres = torch.where(total > 0, means, centres)
        square = distances(points, centres)
        before, labels = labels, square.argmin(1)
        if torch.equal(before, labels):
            break
    return centres, float((square.amin(1) * weights).double().sum())


def distances(points: Tensor, centres: Tensor) -> Tensor:
    """Squared distances `(point, count)`."""
    dots = points @ centres.T
    squares = points.square().sum(1, keepdim=True) - 2 * dots + centres.square().sum(1)
    return squares.clamp(min=0.0)
