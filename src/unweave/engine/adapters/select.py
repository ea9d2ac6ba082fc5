"""Some of the stems, and only the members run that these need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from unweave.engine.compose import AnySeparator, check_names, check_segments, innermost
from unweave.types import Separator, Spec

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Select:
    """A separator of which some stems are taken."""

    separator: AnySeparator
    stems: tuple[str, ...]

    def __post_init__(self) -> None:
        check_segments("select", self.separator)
        check_names("select", self.stems, self.separator.spec.stems)

    @property
    def spec(self) -> Spec:
        return replace(self.separator.spec, stems=self.stems, additive=False, complement=None)

    def to(self, device: str) -> Select:
        return replace(self, separator=self.separator.to(device))

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        narrowed, places = self._narrowed
        return narrowed(mix, sample_rate_hz)[:, places]

    @cached_property
    def _narrowed(self) -> tuple[Separator, list[int]]:
        """What makes no more than it must, as some networks can; where its stems are in that."""
        own = getattr(self.separator, "select", None)
        names = tuple(stem for stem in self.separator.spec.stems if stem in self.stems)
        narrowed = (own(names) if own else None) or self.separator
        assert isinstance(narrowed, Separator)
        return narrowed, [narrowed.spec.stems.index(stem) for stem in self.stems]


@dataclass(frozen=True)
class Around:
    """What adapters around one separator share."""

    separator: AnySeparator

    @property
    def members(self) -> tuple[AnySeparator, ...]:
        return (self.separator,)

    def to(self, device: str) -> Self:
        return replace(self, separator=self.separator.to(device))

    def select(self, stems: tuple[str, ...]) -> AnySeparator:
        return replace(self, separator=select(self.separator, stems))  # type: ignore[return-value]


def select(separator: AnySeparator, stems: Sequence[str]) -> AnySeparator:
    """A separator of at least these stems that runs no member they do not need.

    All stems are needed where one is what the others leave of the mix. Raises UsageError for a
    stem that there is not, or is named twice.
    """
    spec = separator.spec
    check_names(spec.name, stems, spec.stems)
    if len(set(stems)) == len(spec.stems) or (spec.additive and spec.complement in stems):
        return separator
    names = tuple(stem for stem in spec.stems if stem in stems)
    own = getattr(separator, "select", None)  # compositions select themselves
    narrowed: AnySeparator | None = None if own is None else own(names)
    return Select(separator, names) if narrowed is None else narrowed


def spared(separator: AnySeparator, stems: Sequence[str]) -> AnySeparator:
    """`select` where that leaves work out; else the separator itself, all of its stems.

    Work is a member, or part of a network that makes its stems one by one. stems: those of the
    spec's `outputs`; all members make the residual. Raises UsageError.
    """
    check_names(separator.spec.name, stems, separator.spec.outputs)
    if not set(stems) <= set(separator.spec.stems):
        return separator
    narrowed = select(separator, stems)
    kept, all_ = (set(map(id, innermost(each))) for each in (narrowed, separator))
    return separator if kept == all_ else narrowed
