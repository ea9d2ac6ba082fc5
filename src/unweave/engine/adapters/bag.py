"""A bag of models: each stem is a weighted mean of what several separators make of a segment.

The members take the same segments, so that one is run after another on the same input and the
working memory is that of one. Members that differ there form an `Ensemble`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from unweave.engine.adapters.select import Select
from unweave.engine.compose import check_segments, combined
from unweave.errors import UsageError
from unweave.types import Separator, Spec

if TYPE_CHECKING:
    from torch import Tensor

Weights = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Bag:
    """weights: of each member for each of the stems; empty: all alike."""

    members: tuple[Separator, ...]
    weights: Weights = ()
    name: str = "bag"
    options: Mapping[str, object] = field(default_factory=dict)  # as given to every member

    def __post_init__(self) -> None:
        if not self.members:
            raise UsageError(f"{self.name}: members must be one separator or more")
        for member in self.members:
            check_segments("the bag", member)
        first = self.members[0].spec
        for spec in (member.spec for member in self.members[1:]):
            for fact in ("stems", "sample_rate_hz", "channels", "segmentation"):
                if getattr(spec, fact) != getattr(first, fact):
                    raise UsageError(
                        f"{self.name}: {first.name} and {spec.name} differ in {fact}; "
                        "put them into an ensemble"
                    )
        if not self.weights:
            object.__setattr__(self, "weights", ((1.0,) * len(first.stems),) * len(self.members))
        shape = [len(row) for row in self.weights]
        if shape != [len(first.stems)] * len(self.members):
            raise UsageError(f"{self.name}: weights must be a row of stems for each member")
        if min(map(min, self.weights)) < 0 or not all(map(sum, zip(*self.weights, strict=True))):
            raise UsageError(f"{self.name}: weights must not be negative, nor all 0 for a stem")

    @property
    def spec(self) -> Spec:
        specs = [member.spec for member in self.members]
        alike = all(len(set(row)) == 1 for row in self.weights)
        return replace(
            combined(self.name, self.members, specs[0].stems),
            segmentation=specs[0].segmentation,
            # Beside what a member needs: the sum so far.
            bytes_per_sample=max(s.bytes_per_sample for s in specs) + 8.0 * len(specs[0].stems),
            additive=alike and all(spec.additive for spec in specs),
            complement=specs[0].complement,
            options=self.options,
        )

    def to(self, device: str) -> Bag:
        return replace(self, members=tuple(member.to(device) for member in self.members))

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        total: Tensor | None = None
        for member, row in zip(self.members, self.weights, strict=True):
            if any(row):
                stems = member(mix, sample_rate_hz)
                weighted = stems * stems.new_tensor(row)[:, None, None]
                total = weighted if total is None else total.add_(weighted)
        assert total is not None
        sums = [sum(column) for column in zip(*self.weights, strict=True)]
        return total / total.new_tensor(sums)[:, None, None]

    def select(self, stems: tuple[str, ...]) -> Separator:
        """Only these stems, of the members that have a part in them."""
        columns = [self.spec.stems.index(stem) for stem in stems]
        used = [
            (Select(member, stems), tuple(row[n] for n in columns))
            for member, row in zip(self.members, self.weights, strict=True)
            if any(row[n] for n in columns)
        ]
        members, weights = zip(*used, strict=True)
        return replace(self, members=members, weights=weights)
