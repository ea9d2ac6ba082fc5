"""Mid and side: what both channels share, and the rest

**Idea.** A singer usually stands in the middle: the same sound in both channels. The mean of the
two keeps the middle and weakens what is at the sides.

**Formula.** mid = share * (left + right) / 2 in both channels; side = mix - mid.

**When it fails.** Bass and drums stand in the middle too.

**Paper.** M. Gerzon, "Stereo shuffling: new approach, old technique", Studio Sound, July 1986.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from unweave import options
from unweave.core.plan import Segmentation
from unweave.options import Classical, option
from unweave.types import Spec

if TYPE_CHECKING:
    from torch import Tensor

PAPER = "M. Gerzon, 'Stereo shuffling: new approach, old technique', Studio Sound, July 1986"


@dataclass(frozen=True, kw_only=True)
class MidSide(Classical):
    """`mid` is the mean of the channels, `side` what it leaves."""

    share: float = option(1.0, "share of the middle in the stem", at_least=0, at_most=1)

    @property
    def spec(self) -> Spec:
        return options.spec(
            self,
            stems=("mid", "side"),
            channels=2,
            segmentation=Segmentation(length_s=1.0, fade_s=0.1),
            complement="side",
            additive=True,
            scale_equivariant=True,
            paper=PAPER,
        )

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        """`(batch, 2, time)` to `(batch, 2 stems, 2, time)`."""
        import torch

        mid = self.share * mix.mean(dim=1, keepdim=True).expand_as(mix)
        return torch.stack([mid, mix - mid], dim=1)
