"""A composition under a name of its own, as presets have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from unweave.engine.adapters.select import Around
from unweave.engine.compose import Run
from unweave.engine.signal import Signal
from unweave.types import Spec, Wave


@dataclass(frozen=True)
class Named(Around):
    """`separator`, called `name`."""

    name: str

    @property
    def spec(self) -> Spec:
        return replace(self.separator.spec, name=self.name, options={})

    def separate(self, mix: Signal, run: Run) -> Iterator[Wave]:
        yield from run(self.separator, mix).blocks
