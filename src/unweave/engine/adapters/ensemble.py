"""An ensemble: stems of one name from several separators, joined sample by sample or bin by bin.

Each member is run on its own segments and at its own rate. A stem is made of the members that have
one of its name.

- `avg_wave`, `median_wave`, `min_wave`, `max_wave`: the weighted mean, the median, and the sample
  of the smallest or the largest absolute value.
- `avg_fft`, `median_fft`, `min_fft`, `max_fft`: the same of complex spectra, in frames of 2048
  samples, 1024 apart. `min` and `max` take a bin from one member, phase and all (Min Spec and Max
  Spec of UVR); a median is that of real and of imaginary parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from unweave.core.plan import Plan
from unweave.engine.adapters.select import select
from unweave.engine.compose import AnySeparator, Run, check_names, combined
from unweave.engine.signal import Signal, in_step
from unweave.errors import UsageError
from unweave.types import Spec, Wave

if TYPE_CHECKING:
    from torch import Tensor

ALGORITHMS = (
    "avg_wave", "median_wave", "min_wave", "max_wave",
    "avg_fft", "median_fft", "min_fft", "max_fft",
)  # fmt: skip
FRAME, HOP = 2048, 1024
# Frames of all segments lie on one grid, and none that is cut by a segment's end is kept.
SPECTRA = Plan(length=64 * HOP + 2 * FRAME, hop=64 * HOP, context=FRAME)


@dataclass(frozen=True)
class Ensemble:
    """weights: of each member in means, or of each of its stems; empty: all alike. stems: all that
    any member has."""

    members: tuple[AnySeparator, ...]
    algorithm: str = "avg_wave"
    weights: tuple[float | tuple[float, ...], ...] = ()
    stems: tuple[str, ...] = ()
    name: str = "ensemble"
    options: Mapping[str, object] = field(default_factory=dict)  # as given to every member

    def __post_init__(self) -> None:
        if not self.members:
            raise UsageError(f"{self.name}: members must be one separator or more")
        if self.algorithm not in ALGORITHMS:
            raise UsageError(
                f"{self.name}: algorithm must be one of {', '.join(ALGORITHMS)}; "
                f"got {self.algorithm!r}"
            )
        if self.weights and not self.algorithm.startswith("avg"):
            raise UsageError(f"{self.name}: {self.algorithm} takes no weights")
        self._check_weights()
        names = tuple(dict.fromkeys(s for member in self.members for s in member.spec.stems))
        if not self.stems:
            object.__setattr__(self, "stems", names)
        check_names(self.name, self.stems, names)

    def _check_weights(self) -> None:
        if not self.weights:
            return
        single = [each for each in self.weights if not isinstance(each, tuple)]
        if len(self.weights) != len(self.members) or min(single, default=1.0) <= 0:
            raise UsageError(f"{self.name}: weights must be one above 0 for each member")
        totals: dict[str, float] = {}
        for member, row in zip(self.members, self._rows, strict=True):
            if len(row) != len(member.spec.stems) or min(row) < 0:
                raise UsageError(
                    f"{self.name}: a row of weights has one, not negative, for each stem of "
                    f"{member.spec.name}"
                )
            for stem, weight in zip(member.spec.stems, row, strict=True):
                totals[stem] = totals.get(stem, 0) + weight
        for stem, total in totals.items():
            if not total:
                raise UsageError(f"{self.name}: no member has a weight for the stem {stem!r}")

    @property
    def _rows(self) -> list[tuple[float, ...]]:
        """Of each member the weights of its stems."""
        weights = self.weights or (1.0,) * len(self.members)
        return [
            weight if isinstance(weight, tuple) else (weight,) * len(member.spec.stems)
            for member, weight in zip(self.members, weights, strict=True)
        ]

    @property
    def spec(self) -> Spec:
        specs = [member.spec for member in self.members]
        same = all(set(spec.stems) == set(self.stems) and spec.additive for spec in specs)
        same = same and all(len(set(row)) == 1 for row in self._rows)
        complements = {spec.complement for spec in specs}
        return replace(
            combined(self.name, self.members, self.stems),
            additive=same and self.algorithm.startswith("avg"),
            complement=complements.pop() if same and len(complements) == 1 else None,
            options=self.options,
        )

    def to(self, device: str) -> Ensemble:
        return replace(self, members=tuple(member.to(device) for member in self.members))

    def separate(self, mix: Signal, run: Run) -> Iterator[Wave]:
        import torch

        readings = mix.split(len(self.members))
        found = [run(*pair) for pair in zip(self.members, readings, strict=True)]
        # All stems of all members, one behind the other: `(group, stem, channel, time)`.
        stems = (np.concatenate(blocks, axis=1) for blocks in in_step(found))
        if self.algorithm.endswith("wave"):
            for block in stems:
                yield self._joined(torch.from_numpy(block)).numpy()
            return
        folded = (block.reshape(len(block), -1, block.shape[-1]) for block in stems)
        yield from run.segments(self._of_spectra, replace(mix, blocks=folded), SPECTRA)

    def _of_spectra(self, segment: Tensor, sample_rate_hz: int) -> Tensor:
        """`(group, stem of any member and channel, time)` to `(group, stem, channel, time)`."""
        from unweave.signal import centred

        groups, _, length = segment.shape
        count = sum(len(member.spec.stems) for member in self.members)
        window = centred.hann(FRAME, segment.device)
        spectra = centred.analyse(segment.reshape(groups, count, -1, length), FRAME, HOP, window)
        return centred.synthesise(self._joined(spectra), FRAME, HOP, window, length)

    def _joined(self, values: Tensor) -> Tensor:
        """`(group, stem of any member, channel, ...)` to `(group, stem, channel, ...)`."""
        import torch

        names = [
            (stem, weight)
            for member, row in zip(self.members, self._rows, strict=True)
            for stem, weight in zip(member.spec.stems, row, strict=True)
        ]
        out = []
        for stem in self.stems:
            places = [n for n, (name, weight) in enumerate(names) if name == stem and weight]
            how = self.algorithm.partition("_")[0]
            out.append(_join(values[:, places], how, [names[n][1] for n in places]))
        return torch.stack(out, dim=1)

    def select(self, stems: tuple[str, ...]) -> Ensemble:
        members, weights = [], []
        for member, row in zip(self.members, self._rows, strict=True):
            pairs = zip(member.spec.stems, row, strict=True)
            used = {stem: weight for stem, weight in pairs if stem in stems}
            if any(used.values()):
                members.append(select(member, list(used)))
                of_stem = dict(zip(member.spec.stems, row, strict=True))
                weights.append(tuple(of_stem[stem] for stem in members[-1].spec.stems))
        kept = tuple(weights) if self.weights else ()
        return replace(self, members=tuple(members), weights=kept, stems=stems)


def _join(values: Tensor, how: str, weights: list[float]) -> Tensor:
    """One stem of all members, `(group, member, ...)`, to `(group, ...)`."""
    import torch

    if how == "avg":
        shape = (-1, *[1] * (values.ndim - 2))
        return (values * values.new_tensor(weights).reshape(shape)).sum(1) / sum(weights)
    if how == "median":
        if values.is_complex():
            return torch.view_as_complex(torch.view_as_real(values).quantile(0.5, dim=1))
        return values.quantile(0.5, dim=1)
    sizes = values.abs()
    chosen = sizes.argmin(1, keepdim=True) if how == "min" else sizes.argmax(1, keepdim=True)
    return values.gather(1, chosen).squeeze(1)
