"""Where segments lie and how they fade into each other: pure arithmetic, in samples.

A segment is `margin | fade | body | fade | margin`. Neighbours are placed so that one's fade-out
lies on the next one's fade-in and the two add up to one; margins are context and weigh nothing.
The first segment starts early enough, in silence, for its body to hold the first sample.

A network that never heard such silence does worse beside it: an LSTM enters the first word in a
state that it was never in, and a level is one of silence too. So where a plan is not `padded`, what
segments give lies on the same grid, but what they hear never reaches beyond the recording.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unweave.core.types import Spec


@dataclass(frozen=True, slots=True)
class Plan:
    """The grid of segments of one separator at one sample rate."""

    segment: int
    overlap: int
    margin: int
    lead: int
    windowed: bool
    padded: bool = True

    def __post_init__(self) -> None:
        if self.windowed and not self.padded:
            raise ValueError(f"only whole segments fade by themselves: {self}")
        if min(self.overlap, self.margin, self.lead) < 0:
            raise ValueError(f"negative length in {self}")
        if self.hop <= self.overlap:
            raise ValueError(f"a sample would lie in three segments or none: {self}")
        if self.lead < self.margin + self.overlap:
            raise ValueError(f"the first samples would lie in a fade: {self}")
        if self.lead >= self.margin + self.hop:
            raise ValueError(f"the first segment would finish only silence: {self}")

    @property
    def hop(self) -> int:
        """From the start of one segment to the start of the next."""
        return self.segment - 2 * self.margin - self.overlap

    def start(self, index: int) -> int:
        """The first sample of a segment; negative for the first one."""
        return index * self.hop - self.lead

    def count(self, length: int) -> int:
        """Segments that finish `length` samples."""
        return max(0, -(-(length + self.lead - self.margin) // self.hop))

    def weights(self) -> npt.NDArray[np.float32] | None:
        """`(segment,)` to multiply stems with, or None where they fade by themselves."""
        if self.windowed:
            return None
        body = self.segment - 2 * self.margin
        weights = np.zeros(self.segment)
        weights[self.margin : self.margin + body] = 1.0
        if self.overlap:
            phase = (np.arange(self.overlap) + 0.5) * (np.pi / 2 / self.overlap)
            weights[self.margin : self.margin + self.overlap] = np.sin(phase) ** 2
            end = self.margin + body
            weights[end - self.overlap : end] = np.cos(phase) ** 2
        return weights.astype(np.float32)


def plan(spec: Spec, sample_rate_hz: int) -> Plan | None:
    """The plan a separator asks for; None where it needs the whole signal."""
    if spec.segment_s is None:
        return None

    def samples(seconds: float) -> int:
        return round(seconds * sample_rate_hz)

    overlap, margin = samples(spec.overlap_s), samples(spec.margin_s)
    lead = max(samples(spec.lead_s), margin + overlap)
    return Plan(samples(spec.segment_s), overlap, margin, lead, spec.windowed, spec.padded)
