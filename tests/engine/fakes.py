"""Separators that need no weights, for tests of the engine."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unweave.types import Spec


@dataclass(frozen=True)
class Halves:
    """Two stems: a share of the mix and what is left. Knows how it was called."""

    spec: Spec
    share: float = 0.25

    def to(self, device: str) -> Halves:
        return self

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        return torch.stack([mix * self.share, mix * (1 - self.share)], dim=1)


def halves(**facts: object) -> Halves:
    defaults: dict = {
        "name": "halves",
        "stems": ("some", "rest"),
        "complement": "rest",
        "additive": True,
    }
    return Halves(Spec(**(defaults | facts)))
