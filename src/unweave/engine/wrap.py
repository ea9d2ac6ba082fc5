"""Adapters around a separator: any sample rate, any number of channels, nothing lost.

A recording's channels become rows of what the separator takes (pairs for a stereo model), its rate
becomes the model's, and both are undone on the stems. The mix waits meanwhile, so that every block
of stems leaves together with the block of the mix it came from, and the remainder is known: the
`rest` stem takes it where the separator's stems sum to the mix, else it is the residual.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from unweave.core.errors import UsageError
from unweave.core.types import Separator, Spec, Wave
from unweave.engine.stream import OnBatch, stream
from unweave.io.resampler import Resampler


@dataclass(frozen=True, slots=True)
class Rows:
    """Which channels of the recording form each row of the separator's input."""

    groups: tuple[tuple[int, ...], ...]
    width: int  # channels of one row
    text: str  # for the report

    def split(self, block: Wave) -> Wave:
        """`(channel, time)` to `(row, width, time)`; a lone channel is repeated."""
        if self.groups == (tuple(range(self.width)),):
            return block[None]
        rows = [np.broadcast_to(block[list(g)], (self.width, block.shape[-1])) for g in self.groups]
        return np.stack(rows)

    def join(self, stems: Wave) -> Wave:
        """`(row, stem, width, time)` to `(stem, channel, time)`; a lone channel is averaged."""
        if self.groups == (tuple(range(self.width)),):
            return np.asarray(stems[0])
        channels = sum(len(group) for group in self.groups)
        out = np.empty((stems.shape[1], channels, stems.shape[-1]), np.float32)
        for row, group in zip(stems, self.groups, strict=True):
            out[:, list(group)] = row if len(group) == self.width else row.mean(1, keepdims=True)
        return out


SIDES = (("FL", "FR"), ("BL", "BR"), ("SL", "SR"), ("FLC", "FRC"), ("WL", "WR"), ("TFL", "TFR"),
         ("TBL", "TBR"), ("DL", "DR"))  # fmt: skip


def rows_for(spec: Spec, channels: int, names: Sequence[str] = ()) -> Rows:
    """How a recording of `channels` (speaker `names`, where known) fits the separator.

    Left and right speakers form pairs; a centre or a low-frequency channel stands alone. Without
    names, neighbours form pairs. Raises UsageError where the separator takes another width.
    """
    if channels < spec.min_channels:
        raise UsageError(
            f"{spec.name} needs at least {spec.min_channels} channels, the recording has "
            f"{channels}: {spec.instead or 'take another separator'}"
        )
    if spec.channels is None or spec.channels == channels:
        return Rows((tuple(range(channels)),), channels, f"{channels} channels together")
    if spec.channels == 1:
        alone = tuple((n,) for n in range(channels))
        return Rows(alone, 1, f"{channels} channels, each alone")
    if spec.channels != 2:
        raise UsageError(
            f"{spec.name} takes {spec.channels} channels, the recording has {channels}"
        )
    if channels == 1:
        return Rows(((0,),), 2, "mono, repeated as left and right and averaged again")
    if len(names) == channels:
        pairs = [(names.index(a), names.index(b)) for a, b in SIDES if a in names and b in names]
    else:
        pairs = [(n, n + 1) for n in range(0, channels - 1, 2)]
    paired = {n for pair in pairs for n in pair}
    groups = [*pairs, *((n,) for n in range(channels) if n not in paired)]
    label = names if len(names) == channels else [str(n + 1) for n in range(channels)]
    parts = ["+".join(label[n] for n in group) for group in groups]
    return Rows(tuple(groups), 2, f"{channels} channels: {', '.join(parts)}")


class Fifo:
    """Blocks in, blocks of another length out, along the last axis."""

    def __init__(self) -> None:
        self.blocks: list[Wave] = []
        self.length = 0

    def push(self, block: Wave) -> None:
        self.blocks.append(block)
        self.length += block.shape[-1]

    def pop(self, length: int) -> Wave:
        """Exactly `length` samples; the caller knows that they are there."""
        taken, need = [], length
        while need:
            block = self.blocks.pop(0)
            taken.append(block[..., :need])
            if block.shape[-1] > need:
                self.blocks.insert(0, block[..., need:])
            need -= taken[-1].shape[-1]
        self.length -= length
        return taken[0] if len(taken) == 1 else np.concatenate(taken, axis=-1)


def separate_blocks(
    separator: Separator,
    blocks: Iterable[Wave],
    sample_rate_hz: int,
    rows: Rows,
    *,
    device: str,
    batch: int,
    warn: Callable[[str], None],
    on_batch: OnBatch | None = None,
) -> Iterator[tuple[Wave, Wave]]:
    """Separate a recording that arrives in blocks `(channel, time)` at its own rate.

    Yields `(mix, stems)` of equal length: `(channel, time)` and `(stem, channel, time)`, where the
    stems are those of the spec, followed by the residual unless the spec has a `rest` stem. Their
    sum is the mix to within float32 rounding, sample for sample, from the first to the last.
    """
    spec = separator.spec
    rate = spec.sample_rate_hz or sample_rate_hz
    waiting = Fifo()
    kept = [n for n, stem in enumerate(spec.stems) if not (spec.additive and stem == spec.rest)]

    def incoming() -> Iterator[Wave]:
        for block in blocks:
            waiting.push(block)
            yield rows.split(block)

    separated = stream(
        separator,
        resampled(incoming(), sample_rate_hz, rate),
        spec.plan(rate),
        rate,
        device=device,
        batch=batch,
        warn=warn,
        on_batch=on_batch,
    )
    chosen = (stems[:, kept] for stems in separated)
    for stems in resampled(chosen, rate, sample_rate_hz):
        # A length that was rounded twice may come back one sample long.
        length = min(stems.shape[-1], waiting.length)
        if length:
            yield _complete(spec, kept, waiting.pop(length), rows.join(stems[..., :length]))
    if waiting.length:  # ... or one sample short
        mix = waiting.pop(waiting.length)
        silence = np.zeros((len(kept), *mix.shape), np.float32)
        yield _complete(spec, kept, mix, silence)


def _complete(spec: Spec, kept: list[int], mix: Wave, stems: Wave) -> tuple[Wave, Wave]:
    """Put the remainder in its place: the rest stem's, or behind all stems as the residual."""
    place = spec.stems.index(spec.rest) if len(kept) < len(spec.stems) and spec.rest else len(kept)
    out = np.empty((len(kept) + 1, *mix.shape), np.float32)
    out[:place], out[place], out[place + 1 :] = stems[:place], mix, stems[place:]
    for stem in stems:
        out[place] -= stem
    return mix, out


def resampled(blocks: Iterable[Wave], from_hz: int, to_hz: int) -> Iterator[Wave]:
    """The same blocks `(..., time)` at another rate; untouched where the rates agree."""
    if from_hz == to_hz:
        yield from blocks
        return
    resampler: Resampler | None = None
    lead: tuple[int, ...] = ()
    for block in blocks:
        if resampler is None:
            lead = block.shape[:-1]
            resampler = Resampler(from_hz, to_hz, int(np.prod(lead)))
        out = resampler.push(block.reshape(-1, block.shape[-1]))
        if out.shape[-1]:
            yield out.reshape(*lead, -1)
    if resampler is not None:
        out = resampler.flush()
        if out.shape[-1]:
            yield out.reshape(*lead, -1)
