"""A network in the arithmetic of 16 bits, where it stands that: torch's automatic mixed precision.

Products of matrices and convolutions are taken in 16 bits and summed in 32; transforms, norms and
whatever else needs the range stay in float32, and so do the weights and the stems.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from unweave.engine.adapters.select import Select
from unweave.engine.compose import check_segments
from unweave.errors import UsageError
from unweave.types import Separator, Spec

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Precision:
    """A network that computes in `dtype`, a key of `DTYPES`."""

    separator: Separator
    dtype: str

    def __post_init__(self) -> None:
        check_segments("the precision", self.separator)
        if self.dtype not in DTYPES:
            raise UsageError(f"precision must be one of {', '.join(DTYPES)}; got {self.dtype!r}")
        spec = self.separator.spec
        if not spec.mixed_precision:
            raise UsageError(f"{spec.name} computes in float32 alone: leave out the precision")

    @property
    def spec(self) -> Spec:
        return self.separator.spec

    def to(self, device: str) -> Precision:
        return replace(self, separator=self.separator.to(device))

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        with torch.autocast(mix.device.type, DTYPES[self.dtype]):
            return self.separator(mix, sample_rate_hz).float()

    def select(self, stems: tuple[str, ...]) -> Precision:
        own = getattr(self.separator, "select", None)
        return replace(self, separator=own(stems) if own else Select(self.separator, stems))
