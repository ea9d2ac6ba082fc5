"""Streams of blocks, cut anew: to one size, with what lies around each of them, or side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from unweave.types import Wave


def in_blocks(blocks: Iterator[Wave], size: int) -> Iterator[Wave]:
    """The same samples `(..., time)` in blocks of `size`, the last one shorter."""
    waiting: list[Wave] = []
    length = 0
    for block in blocks:
        waiting.append(block)
        length += block.shape[-1]
        while length >= size:
            whole = np.concatenate(waiting, axis=-1)
            yield whole[..., :size]
            waiting, length = [whole[..., size:]], length - size
    if length:
        yield np.concatenate(waiting, axis=-1)


def windows(blocks: Iterator[Wave], context: int) -> Iterator[Wave]:
    """Blocks `(..., time)` with `context` more samples on both sides, which neighbours share.

    Beyond the recording is silence.
    """
    before: Wave | None = None  # the context of the next block, and that block
    size = 0
    for block in blocks:
        if before is None:
            silence = np.zeros((*block.shape[:-1], context), np.float32)
            before, size = np.concatenate([silence, block], axis=-1), block.shape[-1]
            continue
        before = np.concatenate([before, block], axis=-1)
        while before.shape[-1] >= context + size + context:
            yield before[..., : context + size + context]
            before = before[..., size:]
    if before is None:
        return
    ended = np.concatenate([before, np.zeros((*before.shape[:-1], context), np.float32)], axis=-1)
    while (left := ended.shape[-1] - 2 * context) > 0:
        yield ended[..., : context + min(size, left) + context]
        ended = ended[..., size:]


def in_step(streams: Sequence[Iterator[Wave]]) -> Iterator[tuple[Wave, ...]]:
    """Streams of blocks `(channel, time)` in pieces of equal length, up to the end of the first.

    Raises ValueError where one is shorter or longer than another.
    """
    rests = [next(stream, None) for stream in streams]
    while all(rest is not None for rest in rests):
        waves = [rest for rest in rests if rest is not None]
        size = min(wave.shape[1] for wave in waves)
        if size:
            yield tuple(wave[:, :size] for wave in waves)
        rests = [
            wave[:, size:] if wave.shape[1] > size else next(stream, None)
            for wave, stream in zip(waves, streams, strict=True)
        ]
    if any(rest is not None for rest in rests):
        raise ValueError("the streams are not of one length")
