"""A stream of sound, frame by frame: short-time spectra of blocks of any size, and the way back.

Frames overlap four times under a square-root Hann window, and lie where they lie in the whole
recording whatever the blocks are: the bytes are the same. `less` is for stages that take something
away: it subtracts what a change of the spectra takes, so that where nothing is taken every sample
keeps its bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from unweave.signal.blocks import in_blocks
from unweave.types import Wave

OVERLAP = 4
AT_ONCE = 64  # frames in a group

Spectra = npt.NDArray[np.complex64]
"""`(channel, frame, frequency)`"""

Change = Callable[[Iterator[Spectra]], Iterator[Spectra]]
"""Groups of frames to as many frames, in groups of any size."""


def window_of(size: int) -> npt.NDArray[np.float32]:
    """The square root of a periodic Hann window `(size,)`."""
    return np.sin(np.pi * np.arange(size) / size).astype(np.float32)


def spectra(blocks: Iterator[Wave], size: int) -> Iterator[Spectra]:
    """Groups of the frames that lie in a recording as a whole, AT_ONCE frames each, the last fewer.

    blocks: `(channel, time)`; size: of a frame, a multiple of OVERLAP. What is shorter than a
    frame has none.
    """
    hop, window = size // OVERLAP, window_of(size)
    rest: Wave | None = None
    for block in in_blocks(blocks, AT_ONCE * hop):
        wave = block if rest is None else np.concatenate([rest, block], axis=1)
        count = max(0, (wave.shape[1] - size) // hop + 1)
        if count:
            frames = np.lib.stride_tricks.sliding_window_view(wave, size, axis=1)[:, ::hop]
            yield np.fft.rfft(frames * window).astype(np.complex64, copy=False)
        rest = wave[:, count * hop :]


def less(blocks: Iterator[Wave], size: int, taken: Change) -> Iterator[Wave]:
    """The same samples without what `taken` makes of their spectra.

    blocks: `(channel, time)` of any size. Silence lies before and behind the recording, so that
    every sample has all its frames.
    """
    waiting: list[Wave] = []  # samples that what is taken from them has not come for

    def whole() -> Iterator[Wave]:
        length, channels = 0, 1
        for block in blocks:
            if not length:
                channels = block.shape[0]
                yield np.zeros((channels, size), np.float32)
            length += block.shape[1]
            waiting.append(block)
            yield block
        yield np.zeros((channels, size + (-length) % size), np.float32)

    late = size  # samples of the silence before
    for gone in _added(taken(spectra(whole(), size)), size):
        part = gone[:, late:]
        late = max(0, late - gone.shape[1])
        while part.shape[1] and waiting:
            block = waiting.pop(0)
            count = min(block.shape[1], part.shape[1])
            if count:
                yield block[:, :count] - part[:, :count]
            if count < block.shape[1]:
                waiting.insert(0, block[:, count:])
            part = part[:, count:]


def _added(groups: Iterator[Spectra], size: int) -> Iterator[Wave]:
    """The waves of the frames, summed where they overlap, as far as all frames of them are there.

    What comes last lacks the frames behind it.
    """
    hop, window = size // OVERLAP, window_of(size) * np.float32(2 / OVERLAP)
    rest: Wave | None = None
    for group in groups:
        channels, count = group.shape[:2]
        pieces = np.fft.irfft(group, size).astype(np.float32, copy=False) * window
        pieces = pieces.reshape(channels, count, OVERLAP, hop)
        out = np.zeros((channels, count + OVERLAP - 1, hop), np.float32)
        if rest is not None:
            out[:, : OVERLAP - 1] = rest
        for n in range(OVERLAP):
            out[:, n : n + count] += pieces[:, :, n]
        rest = out[:, count:]
        yield out[:, :count].reshape(channels, -1)
