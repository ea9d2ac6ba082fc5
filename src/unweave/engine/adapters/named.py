"""A composition under a name of its own, as presets have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from unweave.engine.adapters.select import select
from unweave.engine.compose import AnySeparator, Run
from unweave.engine.signal import Signal
from unweave.types import Spec, Wave


@dataclass(frozen=True)
class Named:
    """`separator`, called `name`."""

    separator: AnySeparator
    name: str

    @property
    def members(self) -> tuple[AnySeparator, ...]:
        return (self.separator,)

    @property
    def spec(self) -> Spec:
        return replace(self.separator.spec, name=self.name, options={})

    def to(self, device: str) -> Named:
        return replace(self, separator=self.separator.to(device))

    def separate(self, mix: Signal, run: Run) -> Iterator[Wave]:
        yield from run(self.separator, mix).blocks

    def select(self, stems: tuple[str, ...]) -> Named:
        return replace(self, separator=select(self.separator, stems))
