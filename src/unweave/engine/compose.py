"""Separators made of separators, and how they are run.

Some adapters work on one batch of segments and are separators like any other. What needs more, as
members with segments of their own or another signal than the mix, is a `Composition`: it turns a
signal into stems, and has its members run on signals of its choice. All run in step, block by
block, in memory that does not grow with the recording.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from unweave.core.plan import Plan
from unweave.engine.signal import Fifo, Signal, resampled
from unweave.engine.spool import Spool
from unweave.engine.stream import Call, OnBatch, Warn, stream
from unweave.engine.workers import Workers
from unweave.errors import SeparatorError, UsageError
from unweave.types import Separator, Spec, Wave

if TYPE_CHECKING:
    from torch import Tensor


@runtime_checkable
class Composition(Protocol):
    """A separator that is run as signals of its members and not segment by segment."""

    @property
    def spec(self) -> Spec:
        """As of a separator; the segmentation is each member's own."""
        ...

    @property
    def members(self) -> tuple[AnySeparator, ...]:
        """Every separator that is run, as often as it is run at a time."""
        ...

    def to(self, device: str) -> Composition:
        """The same with its members on `device`."""
        ...

    def separate(self, mix: Signal, run: Run) -> Iterator[Wave]:
        """Stems of a mix, to the last sample.

        mix: blocks `(group, channel, time)` at the spec's rate, where it has one. run: gives the
        stems of a member. Yields `(group, stem, channel, time)`.
        """
        ...


AnySeparator: TypeAlias = Separator | Composition
"""What `unweave.load` gives and `unweave.separate` takes: a `Separator` has a call, a `Composition`
is run by the engine."""


Change: TypeAlias = "Callable[[AnySeparator], AnySeparator]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Runs separators on a device. batch: segments in parallel, of each that is run. workers:
    the threads that others share; None: as many as `batch`. ready: where it is given, members are
    run one after another, each over all of its mix while its stems wait in a file; it gives a
    member with its weights, on a device. on_turn: told the seconds of sound that a member has done
    in its turn, as they are done."""

    device: str
    batch: int
    warn: Warn
    on_batch: OnBatch | None = None
    workers: Workers | None = None
    ready: Callable[[Separator, str], Separator] | None = None
    on_turn: Callable[[float], None] | None = None

    def __call__(self, separator: AnySeparator, mix: Signal) -> Signal:
        """All stems `(group, stem, channel, time)` of a mix, at its rate and of its length."""
        spec = separator.spec
        kept = estimated(spec)

        def stems(reading: Signal) -> Iterator[Wave]:
            for wave, found in self.in_step(separator, reading, kept):
                yield completed(spec, kept, wave, found) if len(kept) < len(spec.stems) else found

        if self.ready is None:
            return mix.through(stems)
        # What is made of members is there as soon as theirs is.
        return _recorded(mix, stems, None if isinstance(separator, Composition) else self.on_turn)

    def in_step(
        self, separator: AnySeparator, mix: Signal, kept: Sequence[int]
    ) -> Iterator[tuple[Wave, Wave]]:
        """A mix `(group, channel, time)` and some of its stems, in blocks of equal length."""
        spec, rate = separator.spec, mix.sample_rate_hz
        own_rate = spec.sample_rate_hz or rate
        waiting, again = Fifo(), mix.again

        def incoming() -> Iterator[Wave]:
            for block in mix.blocks:
                waiting.push(block)
                yield block

        coming = incoming()
        anew = None if again is None else (lambda: resampled(again(), rate, own_rate))
        in_turn = self.ready is not None and isinstance(separator, Composition)
        if in_turn and anew is not None:  # members read the mix anew, and not `coming`
            reading = Signal(anew(), own_rate, anew, in_turn=True)
        else:
            reading = Signal(resampled(coming, rate, own_rate), own_rate, anew)
        if isinstance(separator, Composition):
            found = separator.separate(reading, self)
        else:
            loaded = self.ready(separator, self.device) if self.ready else separator
            found = self.segments(checked(loaded), reading, spec.plan(own_rate))
        if len(kept) < len(spec.stems):
            found = (stems[:, kept] for stems in found)
        for stems in resampled(found, own_rate, rate):
            while in_turn and waiting.length < stems.shape[-1] and next(coming, None) is not None:
                pass
            # A length that was rounded twice may come back one sample long.
            length = min(stems.shape[-1], waiting.length)
            if length:
                yield waiting.pop(length), stems[..., :length]
        for _ in coming if in_turn else ():
            pass
        if waiting.length:  # ... or one sample short
            wave = waiting.pop(waiting.length)
            yield wave, np.zeros((len(wave), len(kept), *wave.shape[1:]), np.float32)

    def segments(self, call: Call, mix: Signal, plan: Plan | None) -> Iterator[Wave]:
        """What a call makes of the segments of a mix, joined."""
        return stream(
            call,
            mix.blocks,
            plan,
            mix.sample_rate_hz,
            device=self.device,
            batch=self.batch,
            warn=self.warn,
            on_batch=self.on_batch,
            workers=self.workers,
        )


def _recorded(
    mix: Signal,
    change: Callable[[Signal], Iterator[Wave]],
    on_seconds: Callable[[float], None] | None,
) -> Signal:
    """What `change` makes of all of a mix, done when it is read first and kept in a file."""
    # Nothing here may hold on to the blocks of `mix`: what nobody takes of them would pile up.
    rate, again = mix.sample_rate_hz, mix.again
    made: list[Spool] = []
    if again is None:
        raise UsageError("members run one after another need a recording that can be read twice")

    def read() -> Iterator[Wave]:
        if not made:
            spool = Spool()
            for block in change(Signal(again(), rate, again, in_turn=True)):
                spool.write(block)
                if on_seconds is not None:
                    on_seconds(block.shape[-1] / rate)
            made.append(spool)
        yield from made[0].blocks()

    return Signal(read(), rate, read, in_turn=True)


def checked(separator: Separator) -> Call:
    """A separator's call, whose result is what the spec says.

    The call raises SeparatorError for another shape than `(batch, stem, channel, time)`, and for
    samples that are not finite: they would be written as silence.
    """
    spec = separator.spec

    def call(mix: Tensor, sample_rate_hz: int) -> Tensor:
        import torch

        stems = separator(mix, sample_rate_hz)
        if not isinstance(stems, torch.Tensor) or not stems.is_floating_point():
            kind = stems.dtype if isinstance(stems, torch.Tensor) else f"a {type(stems).__name__}"
            raise SeparatorError(
                f"{spec.name}: returned {kind}; it must return a float torch.Tensor"
            )
        expected = (len(mix), len(spec.stems), *mix.shape[1:])
        if stems.shape != expected:
            raise SeparatorError(
                f"{spec.name}: returned {tuple(stems.shape)} for {tuple(mix.shape)}; as its spec "
                f"has {len(spec.stems)} stems, it must return {expected}"
            )
        # NaN and infinity survive a sum, and a sum needs no second array.
        if not torch.isfinite(stems.sum()) and not torch.isfinite(stems).all():
            raise SeparatorError(f"{spec.name}: returned samples that are not finite")
        return stems

    return call


def estimated(spec: Spec) -> list[int]:
    """The stems that are taken from the separator: all except the complement."""
    return [
        n for n, stem in enumerate(spec.stems) if not (spec.additive and stem == spec.complement)
    ]


def completed(spec: Spec, kept: Sequence[int], mix: Wave, stems: Wave) -> Wave:
    """Estimated stems `(..., stem, channel, time)`, and what they leave of `(..., channel, time)`.

    That has the place of the spec's `complement`; without one it is the residual, and last.
    """
    place = (
        spec.stems.index(spec.complement)
        if len(kept) < len(spec.stems) and spec.complement
        else len(kept)
    )
    out = np.empty((*mix.shape[:-2], len(kept) + 1, *mix.shape[-2:]), np.float32)
    out[..., :place, :, :] = stems[..., :place, :, :]
    out[..., place, :, :] = mix
    out[..., place + 1 :, :, :] = stems[..., place:, :, :]
    for n in range(len(kept)):
        out[..., place, :, :] -= stems[..., n, :, :]
    return out


def leaves(separator: AnySeparator) -> list[Separator]:
    """The separators that are run at a time, each on its own segments."""
    if isinstance(separator, Composition):
        return [leaf for member in separator.members for leaf in leaves(member)]
    return [separator]


def innermost(separator: AnySeparator) -> list[AnySeparator]:
    """The networks and techniques that a separator is made of; itself where it is one."""
    found = [each for value in _parts(separator).values() for each in _listed(value)]
    return [inner for each in found for inner in innermost(each)] if found else [separator]


def each_innermost(separator: AnySeparator, change: Change) -> AnySeparator:
    """The same with other networks and techniques: what `change` makes of each."""
    made = _with_parts(separator, lambda part: each_innermost(part, change))
    return change(separator) if made is None else made


def each_leaf(separator: AnySeparator, change: Change) -> AnySeparator:
    """The same with other `leaves`: what `change` makes of each."""
    made = None
    if isinstance(separator, Composition):
        made = _with_parts(separator, lambda part: each_leaf(part, change))
    return change(separator) if made is None else made


def _with_parts(separator: AnySeparator, change: Change) -> AnySeparator | None:
    """An adapter around other separators; None for what is around none."""
    found = {
        name: tuple(map(change, value)) if isinstance(value, tuple) else change(value)
        for name, value in _parts(separator).items()
    }
    return dataclasses.replace(separator, **found) if found else None  # type: ignore[type-var]


def _parts(separator: AnySeparator) -> dict[str, Any]:
    """The fields of an adapter that are separators, or tuples of them."""
    if not dataclasses.is_dataclass(separator):
        return {}
    values = {field.name: getattr(separator, field.name) for field in dataclasses.fields(separator)}
    return {name: value for name, value in values.items() if _are_separators(_listed(value))}


def _are_separators(values: tuple[Any, ...]) -> bool:
    return bool(values) and all(isinstance(each, (Separator, Composition)) for each in values)


def _listed(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def check_segments(adapter: str, separator: AnySeparator) -> None:
    """Raise UsageError unless a separator can be called with segments."""
    if isinstance(separator, Composition):
        raise UsageError(
            f"{separator.spec.name} has no segments of its own: put {adapter} around its members"
        )


def check_names(adapter: str, stems: Sequence[str], there: Sequence[str]) -> None:
    """Raise UsageError unless `stems` are some of those that there are, each once."""
    wrong = [stem for stem in stems if stem not in there]
    if wrong or not stems or len(set(stems)) < len(stems):
        got = ", ".join(stems) or "none"
        raise UsageError(f"{adapter}: stems must be some of {', '.join(there)}; got {got}")


def combined(name: str, members: Sequence[AnySeparator], stems: tuple[str, ...]) -> Spec:
    """The spec of a separator made of others, for a mix that all of them take.

    Raises UsageError where they do not take the same channels.
    """
    specs = [member.spec for member in members]
    rates = {spec.sample_rate_hz for spec in specs}
    widths = {spec.channels for spec in specs} - {None}
    if len(widths) > 1:
        raise UsageError(
            f"{name}: its members take {' and '.join(map(str, sorted(widths)))} channels; "  # type: ignore[type-var]
            "all must take as many"
        )
    hashes = [spec.weights_sha256 for spec in specs if spec.weights_sha256]
    return Spec(
        name=name,
        stems=stems,
        sample_rate_hz=rates.pop() if len(rates) == 1 else None,
        channels=widths.pop() if widths else None,
        min_channels=max(spec.min_channels for spec in specs),
        instead=next((spec.instead for spec in specs if spec.min_channels > 1), ""),
        scale_equivariant=all(spec.scale_equivariant for spec in specs),
        needs_track_stats=any(spec.needs_track_stats for spec in specs),
        paper="; ".join(dict.fromkeys(spec.paper for spec in specs if spec.paper)),
        licence="; ".join(dict.fromkeys(spec.licence for spec in specs if spec.licence)),
        weights_sha256=hashlib.sha256("".join(hashes).encode()).hexdigest() if hashes else None,
    )
