"""Members one after another: each is run over the whole recording while its stems wait in a file.

It takes the memory of the member that needs most, and as many readings of the recording as there
are members. The stems are those that members running side by side give, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from unweave.engine.adapters.select import Around
from unweave.engine.compose import AnySeparator, Run, leaves
from unweave.engine.loading import OneAtATime, weights_mb, working_mb
from unweave.engine.signal import Signal
from unweave.types import Spec, Wave


@dataclass(frozen=True)
class Passes(Around):
    """A composition whose members run in turn; those whose weights are not read yet are loaded
    when their turn comes."""

    @property
    def members(self) -> tuple[AnySeparator, ...]:
        """The one that needs most: never are two at work."""
        return (max(leaves(self.separator), key=_needed_mb),)

    @property
    def spec(self) -> Spec:
        return self.separator.spec

    def separate(self, mix: Signal, run: Run) -> Iterator[Wave]:
        every = range(len(self.spec.stems))
        told, turns = run.on_turn, len(leaves(self.separator))
        on_turn = None if told is None else lambda seconds: told(seconds / turns)
        in_turn = replace(run, ready=OneAtATime(), on_turn=on_turn)
        for _, stems in in_turn.in_step(self.separator, mix, every):
            yield stems


def _needed_mb(leaf: AnySeparator) -> float:
    whole = leaf.spec.segmentation is None  # its length decides, which can be any
    return float("inf") if whole else weights_mb(leaf) + working_mb(leaf.spec)
