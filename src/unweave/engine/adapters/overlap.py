"""Another overlap of neighbouring segments than the separator's own, as the `overlap` of Demucs.

More of it costs as much more time and smooths what differs from one segment to the next.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from unweave.core.plan import Segmentation
from unweave.engine.adapters.select import Select
from unweave.engine.compose import check_segments
from unweave.errors import UsageError
from unweave.types import Separator, Spec

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Overlap:
    """A separator whose segments share `fraction` of what is kept of each, 0 or more and below 1.

    A segment of which `L` samples are kept starts `int((1 - fraction) * L)` behind the last.
    """

    separator: Separator
    fraction: float

    def __post_init__(self) -> None:
        check_segments("the overlap", self.separator)
        spec = self.separator.spec
        if not 0 <= self.fraction < 1:
            raise UsageError(f"overlap must be at least 0 and below 1; got {self.fraction:g}")
        if spec.segmentation is None:
            raise UsageError(
                f"{spec.name} takes the whole recording at once, so that no segments overlap: "
                "leave out the overlap"
            )
        if spec.segmentation.window == "own":
            raise UsageError(
                f"{spec.name}: its own transform sets how far its segments overlap: leave out the "
                "overlap"
            )
        if spec.sample_rate_hz and _hop(spec.segmentation, spec.sample_rate_hz, self.fraction) < 1:
            raise UsageError(f"{spec.name}: an overlap of {self.fraction:g} leaves no step")

    @property
    def spec(self) -> Spec:
        spec = self.separator.spec
        assert spec.segmentation is not None
        if spec.sample_rate_hz is None:
            kept_s = spec.segmentation.length_s - 2 * spec.segmentation.context_s
            hop_s = (1 - self.fraction) * kept_s
        else:
            rate = spec.sample_rate_hz
            hop_s = _hop(spec.segmentation, rate, self.fraction) / rate
        return replace(spec, segmentation=replace(spec.segmentation, hop_s=hop_s))

    def to(self, device: str) -> Overlap:
        return replace(self, separator=self.separator.to(device))

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        return self.separator(mix, sample_rate_hz)

    def select(self, stems: tuple[str, ...]) -> Overlap:
        own = getattr(self.separator, "select", None)
        return replace(self, separator=own(stems) if own else Select(self.separator, stems))


def _hop(segmentation: Segmentation, sample_rate_hz: int, fraction: float) -> int:
    return int((1 - fraction) * segmentation.at(sample_rate_hz).kept)
