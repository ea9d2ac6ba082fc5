"""Phase fix: the magnitude of a separator's stem, with the phase of another's towards high pitches.

Models that keep much of an instrumental leave a noise of the voice in it; the phase of a cleaner
model takes most of that away. Up to `low_hz` the share of the reference's phase is `base`, from
there to `high_hz` it grows by `weight` along a line, and stays. A phase goes that share of the
shorter way round to the reference's; a share above 1 goes on beyond it.

The programs for this that go round among users of RoFormers have a base of 0.1 and a weight of 0.8,
between 500 and 5000 Hz, others 0.25 and 1.85. They take the mean of two angles as numbers between
minus pi and pi, which is the same where these lie on one side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from unweave.engine.adapters import _spectra
from unweave.engine.adapters.select import select
from unweave.engine.compose import AnySeparator, Run, check_names, combined
from unweave.engine.signal import Signal, in_step
from unweave.errors import UsageError
from unweave.types import Spec, Wave

if TYPE_CHECKING:
    from torch import Tensor

MOST = 4.0  # of a share: more would be a mistake


@dataclass(frozen=True)
class PhaseFix:
    """`separator` gives the stems, `reference` the phases. stems: those that are changed; none: all
    that both have."""

    separator: AnySeparator
    reference: AnySeparator
    stems: tuple[str, ...] = ()
    low_hz: float = 500.0
    high_hz: float = 5000.0
    base: float = 0.1
    weight: float = 0.8

    def __post_init__(self) -> None:
        there = self.separator.spec.stems
        both = tuple(stem for stem in there if stem in self.reference.spec.stems)
        if not both:
            raise UsageError(
                f"phase fix: {self.separator.spec.name} gives {', '.join(there)} and "
                f"{self.reference.spec.name} {', '.join(self.reference.spec.stems)}, none alike"
            )
        if not self.stems:
            object.__setattr__(self, "stems", both)
        check_names("phase fix", self.stems, both)
        if not 0 <= self.low_hz < self.high_hz:
            raise UsageError(
                f"phase fix: low_hz must be at least 0 and below high_hz; got {self.low_hz:g}, "
                f"{self.high_hz:g}"
            )
        if not (self.base >= 0 and self.weight >= 0 and self.base + self.weight <= MOST):
            raise UsageError(
                f"phase fix: base and weight must be at least 0, at most {MOST:g} together; got "
                f"{self.base:g}, {self.weight:g}"
            )

    @property
    def members(self) -> tuple[AnySeparator, ...]:
        return self.separator, self.reference

    @property
    def spec(self) -> Spec:
        spec = self.separator.spec
        complement = spec.additive and spec.complement is not None
        changed = spec.complement in self.stems
        return replace(
            combined(spec.name, self.members, spec.stems),
            additive=complement and not changed,
            complement=spec.complement if complement and not changed else None,
        )

    def to(self, device: str) -> PhaseFix:
        return replace(
            self, separator=self.separator.to(device), reference=self.reference.to(device)
        )

    def separate(self, mix: Signal, run: Run) -> Iterator[Wave]:
        one, other = mix.split(2)
        reference = select(self.reference, self.stems)
        found = [run(self.separator, one), run(reference, other)]
        names = self.separator.spec.stems, reference.spec.stems  # at least those that are changed
        changed = [names[0].index(stem) for stem in self.stems]
        phases = [names[1].index(stem) for stem in self.stems]

        def of_spectra(segment: Tensor, sample_rate_hz: int) -> Tensor:
            groups, _, length = segment.shape
            stems = segment.reshape(groups, len(names[0]) + len(names[1]), -1, length)
            out = stems[:, : len(names[0])].clone()
            out[:, changed] = self._fixed(
                stems[:, changed], stems[:, [len(names[0]) + n for n in phases]], sample_rate_hz
            )
            return out

        folded = (
            np.concatenate(blocks, axis=1).reshape(len(blocks[0]), -1, blocks[0].shape[-1])
            for blocks in in_step(found)
        )
        yield from run.segments(of_spectra, replace(mix, blocks=folded), _spectra.SEGMENTS)

    def _fixed(self, targets: Tensor, references: Tensor, rate_hz: int) -> Tensor:
        """Stems `(group, stem, channel, time)` with the phase of others."""
        import torch

        length = targets.shape[-1]
        targets, references = _spectra.analysed(targets), _spectra.analysed(references)
        share = self.share(
            torch.arange(targets.shape[-2], device=targets.device) * (rate_hz / _spectra.FRAME)
        )
        turn = torch.angle(references * targets.conj()) * share[:, None]
        return _spectra.synthesised(targets * torch.polar(torch.ones_like(turn), turn), length)

    def share(self, frequency_hz: Tensor) -> Tensor:
        """How far the phase goes to the reference's at each frequency."""
        along = (frequency_hz - self.low_hz) / (self.high_hz - self.low_hz)
        return self.base + self.weight * along.clamp(0, 1)

    def select(self, stems: tuple[str, ...]) -> AnySeparator:
        narrowed = select(self.separator, stems)
        changed = tuple(stem for stem in self.stems if stem in stems)
        return replace(self, separator=narrowed, stems=changed) if changed else narrowed
