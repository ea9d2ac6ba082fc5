"""Separators whose weights are read when they are needed: all at once, or one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from unweave.engine.adapters.select import spared
from unweave.engine.compose import AnySeparator, each_innermost, innermost, leaves
from unweave.types import Separator, Spec

USUAL_RATE_HZ = 44100  # of a recording, for what takes any


@runtime_checkable
class Deferred(Protocol):
    """Stands for a separator with weights until they are needed. It cannot be called."""

    @property
    def spec(self) -> Spec: ...

    @property
    def weights_mb(self) -> float:
        """What its weights take in memory."""
        ...

    def load(self) -> Separator:
        """The separator with its weights. Raises WeightsError."""
        ...


def deferred(made: AnySeparator, stems: Sequence[str] = ()) -> list[Deferred]:
    """What has weights that are not read, as far as the stems need it; all where none are named.

    Raises UsageError for a stem that there is not.
    """
    needed = innermost(spared(made, stems) if stems else made)
    return [each for each in needed if isinstance(each, Deferred)]


def complete(made: AnySeparator, stems: Sequence[str] = ()) -> AnySeparator:
    """The separator with the weights that the stems need; all where none are named.

    Members that they do not need stay deferred: they are for nothing but their facts.
    """
    needed = {id(each): each for each in deferred(made, stems)}
    if not needed:
        return made
    return each_innermost(made, lambda e: needed[id(e)].load() if id(e) in needed else e)


class OneAtATime:
    """Gives separators with their weights, and lets go of one before it reads the next."""

    def __init__(self) -> None:
        self._of: AnySeparator | None = None
        self._ready: AnySeparator | None = None

    def __call__(self, separator: Separator, device: str) -> Separator:
        if self._of is not separator or self._ready is None:
            self._ready = None
            self._ready = complete(separator).to(device)
            self._of = separator
        assert isinstance(self._ready, Separator)
        return self._ready


def weights_mb(separator: AnySeparator) -> float:
    """What the weights take that are still to be read for a separator."""
    return sum(each.weights_mb for each in {id(e): e for e in deferred(separator)}.values())


def working_mb(spec: Spec) -> float:
    """What a segment takes; 0 for what holds recordings whole, whose length is not known here."""
    plan = spec.plan(spec.sample_rate_hz or USUAL_RATE_HZ)
    return 0.0 if plan is None else plan.length * spec.bytes_per_sample / 1e6


def together_mb(made: AnySeparator, stems: Sequence[str] = ()) -> float:
    """What all members of a separator take at a time, as far as the stems need them."""
    needed = spared(made, stems) if stems else made
    return weights_mb(needed) + sum(working_mb(leaf.spec) for leaf in leaves(needed))
