"""An ensemble: stems of one name from several separators, joined sample by sample or bin by bin.

Each member is run on its own segments and at its own rate. A stem is made of the members that have
one of its name. How stems are joined, by `unweave.joining.ALGORITHMS`:

- `avg_wave`, `median_wave`, `min_wave`, `max_wave`: the weighted mean, the median, and the sample
  of the smallest or the largest absolute value.
- `avg_fft`, `median_fft`, `min_fft`, `max_fft`: the same of complex spectra (`_spectra`). `min` and
  `max` take a bin from one member, phase and all; a median is that of real and of imaginary parts.
- `uvr_max_spec`, `uvr_min_spec`: `max_fft` and `min_fft`, but of members that are equally loud in a
  bin the last one counts, as in Ultimate Vocal Remover (Max Spec and Min Spec).
- `ensemble_wav`: of each of 240 slices of the recording, the member whose samples have the smallest
  mean absolute value, as in Ultimate Vocal Remover. The stems wait in a file for the last slice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from unweave.engine.adapters import _spectra
from unweave.engine.adapters.select import select
from unweave.engine.compose import AnySeparator, Run, check_names, combined
from unweave.engine.signal import Signal, in_step
from unweave.engine.spool import Spool
from unweave.errors import UsageError
from unweave.joining import ALGORITHMS
from unweave.types import Spec, Wave

if TYPE_CHECKING:
    from torch import Tensor

SLICES = 240  # of the recording, for `ensemble_wav`


@dataclass(frozen=True)
class Ensemble:
    """weights: of each member in means, or of each of its stems; empty: all alike. stems: all that
    any member has. whole: where these are some stems of an ensemble, what that one is."""

    members: tuple[AnySeparator, ...]
    algorithm: str = "avg_wave"
    weights: tuple[float | tuple[float, ...], ...] = ()
    stems: tuple[str, ...] = ()
    name: str = "ensemble"
    options: Mapping[str, object] = field(default_factory=dict)  # as given to every member
    whole: Spec | None = None

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
        own = replace(
            combined(self.name, self.members, self.stems),
            additive=same and self.algorithm.startswith("avg"),
            complement=complements.pop() if same and len(complements) == 1 else None,
            options=self.options,
        )
        if self.whole is None:
            return own
        # Stems are made as in the whole, whatever the members that are left would do by themselves.
        rate_hz = self.whole.sample_rate_hz
        return replace(own, sample_rate_hz=rate_hz, additive=False, complement=None)

    def to(self, device: str) -> Ensemble:
        return replace(self, members=tuple(member.to(device) for member in self.members))

    def separate(self, mix: Signal, run: Run) -> Iterator[Wave]:
        import torch

        readings = mix.split(len(self.members))
        found = [run(*pair) for pair in zip(self.members, readings, strict=True)]
        # All stems of all members, one behind the other: `(group, stem, channel, time)`.
        stems = (np.concatenate(blocks, axis=1) for blocks in in_step(found))
        if self.algorithm == "ensemble_wav":
            yield from self._of_slices(stems)
        elif self.algorithm.endswith("wave"):
            for block in stems:
                yield self._joined(torch.from_numpy(block)).numpy()
        else:
            folded = (block.reshape(len(block), -1, block.shape[-1]) for block in stems)
            yield from run.segments(
                self._of_spectra, replace(mix, blocks=folded), _spectra.SEGMENTS
            )

    def _of_spectra(self, segment: Tensor, sample_rate_hz: int) -> Tensor:
        """`(group, stem of any member and channel, time)` to `(group, stem, channel, time)`."""
        groups, _, length = segment.shape
        count = sum(len(member.spec.stems) for member in self.members)
        spectra = _spectra.analysed(segment.reshape(groups, count, -1, length))
        return _spectra.synthesised(self._joined(spectra), length)

    def _of_slices(self, stems: Iterator[Wave]) -> Iterator[Wave]:
        """Slices of the length that `numpy.array_split` gives, the longer ones first."""
        import torch

        with Spool() as spool:
            for block in stems:
                spool.write(block)
            start = 0
            for n in range(SLICES):
                stop = start + spool.length // SLICES + (n < spool.length % SLICES)
                # (group, stem of any member): a sum ranks members as their mean does.
                sizes = np.float64(0)
                for block in spool.blocks(start, stop):
                    sizes = sizes + np.abs(block).sum((2, 3), dtype=np.float64)
                for block in spool.blocks(start, stop):
                    yield self._joined(torch.from_numpy(block), torch.from_numpy(sizes)).numpy()
                start = stop

    def _joined(self, values: Tensor, sizes: Tensor | None = None) -> Tensor:
        """`(group, stem of any member, channel, ...)` to `(group, stem, channel, ...)`.

        sizes: how large each of these counts as, `(group, stem of any member)`; None: each value.
        """
        import torch

        names = [
            (stem, weight)
            for member, row in zip(self.members, self._rows, strict=True)
            for stem, weight in zip(member.spec.stems, row, strict=True)
        ]
        out = []
        for stem in self.stems:
            places = [n for n, (name, weight) in enumerate(names) if name == stem and weight]
            weights = [names[n][1] for n in places]
            some = None if sizes is None else sizes[:, places]
            out.append(_join(values[:, places], self.algorithm, weights, some))
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
        kept, whole = tuple(weights) if self.weights else (), self.whole or self.spec
        return replace(self, members=tuple(members), weights=kept, stems=stems, whole=whole)


def _join(values: Tensor, algorithm: str, weights: list[float], sizes: Tensor | None) -> Tensor:
    """One stem of all members, `(group, member, ...)`, to `(group, ...)`."""
    import torch

    if algorithm.startswith("avg"):
        shape = (-1, *[1] * (values.ndim - 2))
        return (values * values.new_tensor(weights).reshape(shape)).sum(1) / sum(weights)
    if algorithm.startswith("median"):
        if values.is_complex():
            return torch.view_as_complex(torch.view_as_real(values).quantile(0.5, dim=1))
        return values.quantile(0.5, dim=1)
    if sizes is None:
        sizes = values.abs()
    else:
        sizes = sizes.reshape(*sizes.shape, *[1] * (values.ndim - 2)).expand(values.shape)
    if algorithm.startswith("uvr"):  # the last of those that are equal
        values, sizes = values.flip(1), sizes.flip(1)
    largest = "max" in algorithm
    chosen = sizes.argmax(1, keepdim=True) if largest else sizes.argmin(1, keepdim=True)
    return values.gather(1, chosen).squeeze(1)
