"""The updates of AuxIVA, which ILRMA starts with too; `separators/auxiva` has the formula."""

from __future__ import annotations

import torch
from torch import Tensor

from unweave.separators._shared import demix

STEPS = {"single": demix.project, "pair": demix.project_pairs}
QUIET = 1e-6  # of the mean loudness: no frame counts more than one as faint as this


def rows(
    products: Tensor, start: Tensor, *, iterations: int, model: str = "gauss", step: str = "pair"
) -> Tensor:
    """Rows of the demixing matrices of a white mix.

    products: real `(frequency, channel^2, frame)`, see `_shared/demix`; start: complex
    `(source, frequency, channel)`. Returns rows shaped as the start.
    """
    bins, _, frames = products.shape
    flat, found, sources = products.reshape(-1, frames), start, start.shape[0]
    for _ in range(iterations):
        weights = demix.power_weights(found).to(flat.dtype).reshape(sources, -1)
        power = (weights @ flat).clamp_(min=0)
        loudness = power / bins if model == "gauss" else 2 * power.sqrt()
        # One scale for all, which changes nothing, keeps the numbers in range.
        loudness /= loudness.mean() + torch.finfo(flat.dtype).tiny
        loudness.clamp_(min=QUIET)
        sums = (flat @ loudness.mul_(frames).reciprocal_().T).reshape(bins, -1, sources)
        found = STEPS[step](found, sums.permute(2, 0, 1).to(found.real.dtype))
    return found
