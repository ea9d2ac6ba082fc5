"""Test-time augmentation: the mean over the mix, its channels swapped, and its polarity inverted.

Each change is undone on the stems. Both are the augmentation of Music Source Separation Training;
`invert` alone is what programs around MDX-Net call denoising.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from unweave.engine.adapters.select import Select
from unweave.engine.compose import check_segments
from unweave.types import Separator, Spec


@dataclass(frozen=True)
class Augmented:
    """A separator that is called once more for each change of the mix."""

    separator: Separator
    swap: bool = True
    invert: bool = True

    def __post_init__(self) -> None:
        check_segments("the augmentation", self.separator)

    @property
    def spec(self) -> Spec:
        return self.separator.spec

    def to(self, device: str) -> Augmented:
        return replace(self, separator=self.separator.to(device))

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        total, count = self.separator(mix, sample_rate_hz), 1
        if self.swap:
            total, count = total + self.separator(mix.flip(1), sample_rate_hz).flip(2), count + 1
        if self.invert:
            total, count = total - self.separator(-mix, sample_rate_hz), count + 1
        return total / count

    def select(self, stems: tuple[str, ...]) -> Augmented:
        return replace(self, separator=Select(self.separator, stems))
