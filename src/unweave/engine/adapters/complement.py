"""A complement: what the stems of a separator leave of the mix, as a stem with a name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from unweave.engine.adapters.select import Around, select
from unweave.engine.compose import AnySeparator, Run, check_names
from unweave.engine.signal import Signal, in_step
from unweave.errors import UsageError
from unweave.types import Spec, Wave


@dataclass(frozen=True)
class Complement(Around):
    """The stem `called` is the mix minus the stems `of`, which it stands beside; none: all."""

    called: str = "instrumental"
    of: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        spec = self.separator.spec
        if self.called in spec.stems:
            raise UsageError(f"{spec.name} has a stem {self.called!r}: choose another name")
        if self.of:
            check_names("complement", self.of, spec.stems)

    @property
    def _taken(self) -> tuple[str, ...]:
        return self.of or self.separator.spec.stems

    @property
    def spec(self) -> Spec:
        spec = self.separator.spec
        return replace(
            spec,
            stems=(*self._taken, self.called),
            additive=True,
            complement=self.called,
            # One of the stems may be what the others leave of the recording, above the rate of
            # the separator too.
            sample_rate_hz=None,
        )

    def separate(self, mix: Signal, run: Run) -> Iterator[Wave]:
        one, other = mix.split(2)
        places = [self.separator.spec.stems.index(stem) for stem in self._taken]
        for wave, found in in_step([one, run(self.separator, other)]):
            stems = found[:, places]
            yield np.concatenate([stems, (wave - stems.sum(1))[:, None]], axis=1)

    def select(self, stems: tuple[str, ...]) -> AnySeparator:
        return select(self.separator, stems)
