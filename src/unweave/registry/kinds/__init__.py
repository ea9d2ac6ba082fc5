"""What the registry asks of each kind of separator: techniques, trained models, presets.

A kind is a module with these functions. All but `names` and `known` take a name that the kind
knows. Where a file names parts or files by their paths, they are meant from the file's folder
(`beside`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from unweave import joining
from unweave.models.cards import Card
from unweave.options import Option
from unweave.plugins import ENDING
from unweave.types import Separator, Spec

if TYPE_CHECKING:
    from torch import Tensor

    from unweave.engine.compose import AnySeparator


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A separator that another is made of, with the options it gets; no path is relative to the
    file that names it."""

    name: str
    options: Mapping[str, object]


Declared = Callable[[str], tuple[Option, ...]]
"""Gives the options that a separator of any kind takes, by its name."""


class Kind(Protocol):
    """One kind of separator."""

    def names(self) -> list[str]:
        """Of all that are installed, sorted."""

    def known(self, name: str) -> bool:
        """Whether there is one called so, or lying at that path."""

    def place(self, name: str) -> str:
        """What to load it by from everywhere: its name, or the absolute path of its file."""

    def origin(self, name: str) -> str:
        """The distribution that it comes from; empty for a file at a path."""

    def describe(self, name: str) -> object:
        """The facts about it, without weights."""

    def declared(self, name: str) -> tuple[Option, ...]:
        """The options that `load` takes."""

    def code(self, name: str) -> str:
        """The distribution whose code it runs."""

    def revision(self, name: str) -> int:
        """Goes up when its code gives other bytes than before."""

    def card_sha256(self, name: str) -> str | None:
        """The hash of the file that defines it; None where code does."""

    def card(self, name: str) -> Card | None:
        """The card whose weights it needs, beside those of its parts."""

    def parts(
        self, name: str, values: Mapping[str, object], declared: Declared
    ) -> tuple[Part, ...]:
        """What it is made of, in order, where its own options have these values."""

    def make(
        self, name: str, values: Mapping[str, Any], parts: Sequence[AnySeparator]
    ) -> AnySeparator:
        """It, with these values of its options, before weights are read: what has weights is
        `Described`."""


def beside(file: Path, name: str) -> str:
    """A path in a file, as it is meant from everywhere: from the file's folder."""
    return os.path.normpath(os.path.join(os.path.abspath(file.parent), name))


def part_of(file: Path, name: str) -> str:
    """A separator that a file names: as it is called, or the path of its own file.

    In a name that is made of names, this holds for each of them.
    """
    if joining.is_made_of_names(name) and not os.path.exists(beside(file, name)):
        return joining.with_parts(name, lambda part: part_of(file, part))
    return beside(file, name) if name.endswith(ENDING) else name


def filtered(separator: AnySeparator, rounds: int) -> AnySeparator:
    """The separator with as many rounds of the Wiener filter behind it; itself where it is none."""
    if not rounds:
        return separator
    from unweave.engine.adapters.track_normalised import around
    from unweave.engine.adapters.wiener import Wiener

    return around(lambda inner: Wiener(inner, rounds), separator)


@dataclass(frozen=True, slots=True)
class Described:
    """Stands for a separator with weights until they are needed (`engine.loading.Deferred`)."""

    spec: Spec
    card: Card
    load: Callable[[], Separator]

    @property
    def weights_mb(self) -> float:
        return (self.card.weights.size_bytes or self.card.download_bytes) / 1e6

    def to(self, device: str) -> Described:
        return self

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        raise NotImplementedError(f"{self.spec.name} is described, not loaded")
