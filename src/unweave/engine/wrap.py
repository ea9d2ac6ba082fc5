"""Any number of channels, nothing lost.

A recording's channels become groups of as many as the separator takes (pairs for a stereo model),
and its stems become channels again. What the stems leave of the mix is the spec's
`complement` where the stems sum to the mix, else the residual.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from unweave.engine.compose import AnySeparator, Run, completed, estimated
from unweave.engine.resources import Share
from unweave.engine.signal import Signal
from unweave.engine.stream import OnBatch, Warn
from unweave.engine.workers import Workers
from unweave.errors import UsageError
from unweave.types import Spec, Wave


@dataclass(frozen=True, slots=True)
class ChannelGroups:
    """Which channels of the recording form each input of the separator."""

    groups: tuple[tuple[int, ...], ...]
    width: int  # channels of one group
    text: str  # for the report

    def split(self, block: Wave) -> Wave:
        """`(channel, time)` to `(group, width, time)`; a lone channel is repeated."""
        if self.groups == (tuple(range(self.width)),):
            return block[None]
        shape = self.width, block.shape[-1]
        return np.stack([np.broadcast_to(block[list(group)], shape) for group in self.groups])

    def join(self, stems: Wave) -> Wave:
        """`(group, stem, width, time)` to `(stem, channel, time)`; a lone channel is averaged."""
        if self.groups == (tuple(range(self.width)),):
            return np.asarray(stems[0])
        channels = sum(len(group) for group in self.groups)
        out = np.empty((stems.shape[1], channels, stems.shape[-1]), np.float32)
        for found, group in zip(stems, self.groups, strict=True):
            alone = len(group) < self.width
            out[:, list(group)] = found.mean(1, keepdims=True) if alone else found
        return out


SIDES = (("FL", "FR"), ("BL", "BR"), ("SL", "SR"), ("FLC", "FRC"), ("WL", "WR"), ("TFL", "TFR"),
         ("TBL", "TBR"), ("DL", "DR"))  # fmt: skip


def channel_groups(spec: Spec, channels: int, names: Sequence[str] = ()) -> ChannelGroups:
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
        return ChannelGroups((tuple(range(channels)),), channels, f"{channels} channels together")
    if spec.channels == 1:
        alone = tuple((n,) for n in range(channels))
        return ChannelGroups(alone, 1, f"{channels} channels, each alone")
    if spec.channels != 2:
        raise UsageError(
            f"{spec.name} takes {spec.channels} channels, the recording has {channels}"
        )
    if channels == 1:
        return ChannelGroups(((0,),), 2, "mono, repeated as left and right and averaged again")
    if len(names) == channels:
        pairs = [(names.index(a), names.index(b)) for a, b in SIDES if a in names and b in names]
    else:
        pairs = [(n, n + 1) for n in range(0, channels - 1, 2)]
    paired = {n for pair in pairs for n in pair}
    groups = [*pairs, *((n,) for n in range(channels) if n not in paired)]
    label = names if len(names) == channels else [str(n + 1) for n in range(channels)]
    parts = ["+".join(label[n] for n in group) for group in groups]
    return ChannelGroups(tuple(groups), 2, f"{channels} channels: {', '.join(parts)}")


@dataclass(frozen=True, slots=True)
class Work:
    """How a recording meets the separator."""

    groups: ChannelGroups
    device: str
    share: Share
    workers: Workers


def separate_blocks(
    separator: AnySeparator,
    blocks: Iterable[Wave],
    sample_rate_hz: int,
    groups: ChannelGroups,
    *,
    device: str,
    batch: int,
    warn: Warn,
    on_batch: OnBatch | None = None,
    again: Callable[[], Iterable[Wave]] | None = None,
    workers: Workers | None = None,
    on_turn: Callable[[float], None] | None = None,
) -> Iterator[tuple[Wave, Wave]]:
    """Separate a recording that arrives in blocks `(channel, time)` at its own rate.

    again: gives the blocks anew, for a separator that needs the recording twice. workers: threads
    that others share. on_turn: told of members that run in turn, before the first block: the
    seconds of sound that are done since the last time, of what the recording has. Yields `(mix,
    stems)` of equal length: `(channel, time)` and `(stem, channel,
    time)`, where the stems are those of the spec, followed by the residual unless the spec has a
    `complement`. Their sum is the mix to within float32 rounding, sample for sample, from the first
    to the last.
    """
    mix = Signal(
        map(groups.split, blocks),
        sample_rate_hz,
        None if again is None else lambda: map(groups.split, again()),
    )
    kept = estimated(separator.spec)
    run = Run(
        device=device,
        batch=batch,
        warn=warn,
        on_batch=on_batch,
        workers=workers,
        on_turn=on_turn,
    )
    for inputs, stems in run.in_step(separator, mix, kept):
        wave = groups.join(inputs[:, None])[0]
        yield wave, completed(separator.spec, kept, wave, groups.join(stems))
