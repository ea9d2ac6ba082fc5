"""A chain: a stem of one separator is the mix of another, whose stems take its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from unweave.engine.adapters.select import select
from unweave.engine.compose import AnySeparator, Run, combined
from unweave.engine.signal import Signal, in_step
from unweave.errors import UsageError
from unweave.types import Spec, Wave


@dataclass(frozen=True)
class Chain:
    """`then` separates the stem `stem` of `first`."""

    first: AnySeparator
    stem: str
    then: AnySeparator
    name: str = "chain"
    options: Mapping[str, object] = field(default_factory=dict)  # as given to the first

    def __post_init__(self) -> None:
        stems = self.first.spec.stems
        if self.stem not in stems:
            raise UsageError(
                f"{self.name}: {self.first.spec.name} has no stem {self.stem!r}; "
                f"it gives {', '.join(stems)}"
            )
        twice = set(stems) - {self.stem} & set(self.then.spec.stems)
        if twice:
            raise UsageError(f"{self.name}: two stems would be called {', '.join(sorted(twice))}")

    @property
    def members(self) -> tuple[AnySeparator, ...]:
        return self.first, self.then

    @property
    def spec(self) -> Spec:
        first, then = self.first.spec, self.then.spec
        place = first.stems.index(self.stem)
        return replace(
            combined(
                self.name,
                self.members,
                (*first.stems[:place], *then.stems, *first.stems[place + 1 :]),
            ),
            additive=first.additive and then.additive,
            complement=then.complement if first.complement == self.stem else first.complement,
            # A complement of the first is what its stems leave of the recording itself, as it is
            # where the chain is not needed for the stems that are asked for.
            sample_rate_hz=None,
            options=self.options,
        )

    def to(self, device: str) -> Chain:
        return replace(self, first=self.first.to(device), then=self.then.to(device))

    def separate(self, mix: Signal, run: Run) -> Iterator[Wave]:
        place = self.first.spec.stems.index(self.stem)
        whole, chained = run(self.first, mix).split(2)
        chained = run(self.then, chained.each(lambda stems: stems[:, place]))
        for stems, finer in in_step([whole, chained]):
            yield np.concatenate([stems[:, :place], finer, stems[:, place + 1 :]], axis=1)

    def select(self, stems: tuple[str, ...]) -> AnySeparator:
        finer = [stem for stem in stems if stem in self.then.spec.stems]
        coarse = [stem for stem in stems if stem not in finer]
        if not finer:
            return select(self.first, coarse)
        first, then = select(self.first, [*coarse, self.stem]), select(self.then, finer)
        return replace(self, first=first, then=then)
