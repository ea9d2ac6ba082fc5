"""Non-negative matrix factorisation: `values ~ bases @ activations`, all of them non-negative.

Multiplicative updates lower one of three divergences and never raise it (Lee and Seung, "Algorithms
for non-negative matrix factorization", NIPS 2000; Févotte and Idier, "Algorithms for nonnegative
matrix factorization with the beta-divergence", Neural Computation 23(9), 2011). `beta` is 2 for the
Euclidean distance, 1 for Kullback-Leibler, 0 for Itakura-Saito.

Where time goes: the model has as many values as the spectrogram and is wanted twice in a round, so
that whole matrices would go through memory many times. Here columns are taken TILE at a time. While
a tile lies in the processor's cache, its activations are updated and, with them, its share in the
sums that the next update of the bases needs; one pass over memory makes a round. Tiles are stored
one after the other, and the bases in both orders, because products of matrices so narrow take half
the time when rows are aligned. Tiles are summed in GROUPS whose number is fixed, so that results do
not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from unweave.signal.threads import ParallelMap, parallel_map, thread_pool

BETAS = {"euclid": 2.0, "kl": 1.0, "itakura-saito": 0.0}
TILE = 512  # columns at most: with fewer, calls cost more than a nearer cache saves
ALIGNED = 16  # columns, rows of 64 bytes: products of rows that are not took 1.3 times as long
GROUPS = 8  # of tiles, which threads share
CHECK = 10  # rounds from one look at the loss to the next
FLOOR = 1e-16  # no factor is less, or it could never grow again

Penalty = Callable[[Tensor, Tensor], Tensor]
"""Of `bases` and `activations`, what is added to each component's denominators: `(component,)`."""


@dataclass(frozen=True, slots=True)
class Fit:
    """`bases (row, component)`, `activations (component, column)`, and their loss."""

    bases: Tensor
    activations: Tensor
    loss: float


@dataclass(frozen=True, slots=True)
class Bases:
    """The bases in both orders, and what the activations' denominators are made of.

    `down (row, component)`, `across (component, row)`; `products` are `across @ down` for the
    Euclidean distance, `(component, 1)` sums for Kullback-Leibler.
    """

    down: Tensor
    across: Tensor
    products: Tensor | None

    @staticmethod
    def of(across: Tensor, beta: float) -> Bases:
        across = across.clamp(min=FLOOR).contiguous()
        down = across.mT.contiguous()
        sums = across.sum(1, keepdim=True) if beta == 1 else None
        return Bases(down, across, across @ down if beta == 2 else sums)


def fit(
    values: Tensor,
    bases: Tensor,
    activations: Tensor,
    *,
    beta: float,
    iterations: int,
    tolerance: float = 0.0,
    fixed: int = 0,
    penalty: Penalty | None = None,
) -> Fit:
    """Update bases and activations, in this order, in each of so many rounds.

    values: `(row, column)` of the order of 1; bases `(row, component)` and activations
    `(component, column)`: where to begin, at least FLOOR. The inputs stay as they are. The first
    `fixed` bases are not updated. Ends early when in CHECK rounds the loss fell by less than
    `tolerance` times what it was at the start. Precision and device are those of the values.
    """
    groups = _groups(values, activations, beta)
    both = Bases.of(bases.mT, beta)
    extra = None
    with thread_pool() as run:
        first = last = _loss(run, groups, both) if tolerance else 0.0
        sums = _round(run, groups, both, fixed)
        for step in range(1, iterations + 1):
            if penalty is not None:
                extra = penalty(both.down, _joined(groups))
            if fixed < bases.shape[1]:
                both = _better(both, sums, fixed, beta, extra)
            sums = _round(run, groups, both, fixed, extra, update=True)
            if tolerance and step % CHECK == 0:
                now = _loss(run, groups, both)
                if last - now < tolerance * first:
                    break
                last = now
        return Fit(both.down, _joined(groups), _loss(run, groups, both))


def activate(values: Tensor, bases: Tensor, *, beta: float, iterations: int) -> Tensor:
    """The activations `(component, column)` of known bases, from a start that is alike for all.

    Each column is on its own, and a tile stays in the cache for all of its rounds.
    """
    groups, both = _groups(values, even(values, bases), beta), Bases.of(bases.mT, beta)

    def work(group: list[Tile]) -> None:
        for tile in group:
            for _ in range(iterations):
                tile.update(both, None)

    parallel_map(work, groups)
    return _joined(groups)


def even(values: Tensor, bases: Tensor) -> Tensor:
    """Activations `(component, column)`, alike for all, with which a model has the values' sums."""
    level = values.mean(0) / bases.mean(0).sum().clamp(min=FLOOR)
    return level.clamp(min=FLOOR).expand(bases.shape[1], -1)


def loss(values: Tensor, bases: Tensor, activations: Tensor, beta: float) -> float:
    """The divergence of `values` from `bases @ activations`, summed over all entries."""
    return _loss(parallel_map, _groups(values, activations, beta), Bases.of(bases.mT, beta))


class Tile:
    """Some columns of a factorisation, few enough for the cache; `activations` change.

    room: two buffers for results as large as the values, which neighbours use as well: memory
    that is given back and fetched anew for each result costs as much as the result.
    """

    def __init__(self, values: Tensor, activations: Tensor, beta: float, room: Tensor) -> None:
        self.values, self.activations, self.beta = values, activations, beta
        self.floor = torch.finfo(values.dtype).eps
        self.model, self.spare = (flat[: values.numel()].view(values.shape) for flat in room)

    def compare(self, bases: Bases) -> tuple[Tensor, Tensor | None]:
        """`values model^(beta - 2)` and, for Itakura-Saito, `1 / model`."""
        if self.beta == 2:
            return self.values, None
        model = torch.mm(bases.down, self.activations, out=self.model)
        if self.beta == 1:  # no factor is below FLOOR: nothing divides by zero or overflows
            return torch.div(self.values, model, out=model), None
        inverse = model.clamp_(min=self.floor).reciprocal_()
        return torch.mul(self.values, inverse, out=self.spare).mul_(inverse), inverse

    def update(self, bases: Bases, extra: Tensor | None) -> None:
        """One update of the activations, in place."""
        ratio, inverse = self.compare(bases)
        up = bases.across @ ratio
        if inverse is not None:
            down = bases.across @ inverse
        else:
            assert bases.products is not None
            down = bases.products @ self.activations if self.beta == 2 else bases.products
        if extra is not None:
            down = down + extra[:, None]
        self.activations.mul_(_step(up, down, self.beta)).clamp_(min=FLOOR)

    def add(self, bases: Bases, free: slice, up: Tensor, down: Tensor) -> None:
        """Add the tile's share to what the update of the free bases is made of."""
        ratio, inverse = self.compare(bases)
        activations = self.activations[free]
        up.addmm_(activations, ratio.mT)
        if self.beta == 2:
            down.addmm_(activations, self.activations.mT)
        elif inverse is None:
            down += activations.sum(1)[:, None]
        else:
            down.addmm_(activations, inverse.mT)

    def loss(self, bases: Bases) -> float:
        """The divergence of the values from the model."""
        model = torch.mm(bases.down, self.activations, out=self.model).clamp_(min=self.floor)
        if self.beta == 2:
            return model.sub_(self.values).square_().sum().item() / 2
        if self.beta == 1:
            above = model.sum() - self.values.sum()
            ratio = torch.div(self.values, model, out=model)
            return (above + torch.special.xlogy(self.values, ratio).sum()).item()
        ratio = self.values.clamp(min=self.floor).div_(model)
        return (ratio.sum() - ratio.log_().sum() - ratio.numel()).item()


def _round(
    run: ParallelMap,
    groups: list[list[Tile]],
    bases: Bases,
    fixed: int,
    extra: Tensor | None = None,
    *,
    update: bool = False,
) -> tuple[Tensor, Tensor]:
    """Update all activations, if so wanted, and return what the next update of the bases needs.

    That is a numerator and a denominator for each free basis, `(component, row)`.
    """
    values, beta = groups[0][0].values, groups[0][0].beta
    rows, components = bases.down.shape
    free, width = components - fixed, {2.0: components, 1.0: 1, 0.0: rows}[beta]

    def work(group: list[Tile]) -> tuple[Tensor, Tensor]:
        up, down = values.new_zeros(free, rows), values.new_zeros(free, width)
        for tile in group:
            if update:
                tile.update(bases, extra)
            if free:
                tile.add(bases, slice(fixed, None), up, down)
        return up, down

    (up, down), *others = run(work, groups)
    for more_up, more_down in others:
        up += more_up
        down += more_down
    return up, (down @ bases.across if beta == 2 else down)


def _better(
    bases: Bases, sums: tuple[Tensor, Tensor], fixed: int, beta: float, extra: Tensor | None
) -> Bases:
    """The bases after one update."""
    up, down = sums
    if extra is not None:
        down = down + extra[fixed:, None]
    across = bases.across.clone()
    across[fixed:] *= _step(up, down, beta)
    return Bases.of(across, beta)


def _step(up: Tensor, down: Tensor, beta: float) -> Tensor:
    """The factor of an update, damped where only so the loss is certain not to rise."""
    ratio = up.div_(down.clamp(min=torch.finfo(up.dtype).eps))
    return ratio.sqrt_() if beta == 0 else ratio


def _groups(values: Tensor, activations: Tensor, beta: float) -> list[list[Tile]]:
    """The columns, TILE at a time, in memory of their own, as at most GROUPS runs of tiles."""
    size = -(-values.shape[1] // -(-values.shape[1] // TILE))  # alike, so that threads end together
    size = -(-size // ALIGNED) * ALIGNED
    pieces = [
        tuple(some.clone(memory_format=torch.contiguous_format) for some in pair)
        for pair in zip(values.split(size, 1), activations.split(size, 1), strict=True)
    ]
    run = -(-len(pieces) // GROUPS)
    groups = []
    for _, h in pieces:
        h.clamp_(min=FLOOR)
    for first in range(0, len(pieces), run):
        room = values.new_empty(2, values.shape[0] * size)
        groups.append([Tile(v, h, beta, room) for v, h in pieces[first : first + run]])
    return groups


def _joined(groups: list[list[Tile]]) -> Tensor:
    return torch.cat([tile.activations for group in groups for tile in group], dim=1)


def _loss(run: ParallelMap, groups: list[list[Tile]], bases: Bases) -> float:
    def work(group: list[Tile]) -> float:
        return sum(tile.loss(bases) for tile in group)

    return sum(run(work, groups))
