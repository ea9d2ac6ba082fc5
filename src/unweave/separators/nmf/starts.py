"""Where a non-negative matrix factorisation begins: at random, or from singular vectors.

NNDSVD: Boutsidis and Gallopoulos, "SVD based initialization: a head start for nonnegative matrix
factorization", Pattern Recognition 41(4), 2008, in the variant that fills zeros with the mean,
since a multiplicative update cannot leave zero.
"""

from __future__ import annotations

import torch
from torch import Tensor

STARTS = "random", "nndsvd"


def random(values: Tensor, components: int, seed: int) -> tuple[Tensor, Tensor]:
    """Uniform `bases (row, component)` and `activations (component, column)`, of the values' size.

    Drawn on the CPU, so that a seed means the same everywhere.
    """
    generator = torch.Generator().manual_seed(seed)
    size = 2 * (values.mean().item() / components) ** 0.5  # the mean of a uniform draw is a half
    rows, columns = values.shape
    bases, activations = (
        torch.rand(shape, generator=generator, dtype=values.dtype).mul_(size).to(values.device)
        for shape in ((rows, components), (components, columns))
    )
    return bases, activations


def nndsvd(values: Tensor, components: int) -> tuple[Tensor, Tensor]:
    """The leading singular vectors, each by that of its halves, positive or negative, that is more.

    values: `(row, column)`, with no fewer rows and columns than components.
    """
    left, sizes, right = _leading(values, components)
    bases, activations = torch.zeros_like(left), torch.zeros_like(right)
    for k in range(components):
        u, v = left[:, k], right[k]
        if k:
            halves = (
                [(s * u).clamp_(min=0) for s in (1, -1)],
                [(s * v).clamp_(min=0) for s in (1, -1)],
            )
            u, v = max(zip(*halves, strict=True), key=lambda pair: _power(*pair))
        else:
            u, v = u.abs(), v.abs()  # of a non-negative matrix the first has one sign
        scale = (sizes[k] * _power(u, v)) ** 0.5
        bases[:, k] = u * (scale / u.norm().clamp(min=1e-30))
        activations[k] = v * (scale / v.norm().clamp(min=1e-30))
    mean = values.mean()
    return torch.where(bases > 0, bases, mean), torch.where(activations > 0, activations, mean)


def _power(u: Tensor, v: Tensor) -> float:
    return (u.norm() * v.norm()).item()


def _leading(values: Tensor, components: int) -> tuple[Tensor, Tensor, Tensor]:
    """The leading singular vectors `(row, component)`, values, and vectors `(component, column)`.

    Those of the smaller side are the eigenvectors of a square matrix as small as that side.
    """
    if values.shape[0] > values.shape[1]:
        right, sizes, left = _leading(values.mT, components)
        return left.mT, sizes, right.mT
    double = values.double()
    _, vectors = torch.linalg.eigh(double @ double.mT)  # smallest first
    left = vectors.flip(1)[:, :components]
    right = left.mT @ double
    sizes = right.norm(dim=1)
    right = right / sizes.clamp(min=1e-30)[:, None]
    return left.to(values.dtype), sizes.to(values.dtype), right.to(values.dtype)
