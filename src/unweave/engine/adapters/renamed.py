"""Some of the stems of a separator, under other names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from unweave.engine.adapters.select import Around, select
from unweave.engine.compose import Run, check_names
from unweave.engine.signal import Signal
from unweave.errors import UsageError
from unweave.types import Spec, Wave


@dataclass(frozen=True)
class Renamed(Around):
    """stems: those that are taken, in this order. called: their names here, one for each."""

    stems: tuple[str, ...]
    called: tuple[str, ...]

    def __post_init__(self) -> None:
        check_names("renamed", self.stems, self.separator.spec.stems)
        if len(self.called) != len(self.stems) or len(set(self.called)) < len(self.called):
            raise UsageError(
                f"renamed: as many names are needed as stems, which are {', '.join(self.stems)}; "
                f"got {', '.join(self.called) or 'none'}"
            )

    @property
    def spec(self) -> Spec:
        spec = self.separator.spec
        every = set(self.stems) == set(spec.stems)
        called = dict(zip(self.stems, self.called, strict=True))
        return replace(
            spec,
            stems=self.called,
            additive=spec.additive and every,
            complement=called.get(spec.complement or "") if every else None,
        )

    def separate(self, mix: Signal, run: Run) -> Iterator[Wave]:
        places = [self.separator.spec.stems.index(stem) for stem in self.stems]
        for stems in run(self.separator, mix).blocks:
            yield stems[:, places]

    def select(self, stems: tuple[str, ...]) -> Renamed:
        own = dict(zip(self.called, self.stems, strict=True))
        inner = tuple(own[stem] for stem in stems)
        return Renamed(select(self.separator, inner), inner, stems)
