"""Take off what encoders add, from a row of decoded waves, each with its rate.

Encoders work in blocks, so the last decoded block often runs past the end of the recording. Some
files declare where the sound ends, others how many samples were added.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from unweave.audio.mp4 import LONGEST_PADDING
from unweave.types import Wave

Waves = Iterable[tuple[Wave, int]]


def without_start(waves: Waves, skipped: int) -> Iterator[tuple[Wave, int]]:
    """All but the first `skipped` samples."""
    for wave, rate_hz in waves:
        taken = min(skipped, wave.shape[1])
        skipped -= taken
        if taken < wave.shape[1]:
            yield wave[:, taken:], rate_hz


def without_end(
    waves: Waves, padding: int, surplus: Callable[[int], int]
) -> Iterator[tuple[Wave, int]]:
    """All but the last samples: `surplus` of how many there were, at most `padding`."""
    held: deque[tuple[Wave, int]] = deque()
    count = total = 0
    for wave, rate_hz in waves:
        held.append((wave, rate_hz))
        total += wave.shape[1]
        count += wave.shape[1]
        while held and total - held[0][0].shape[1] >= padding:
            total -= held[0][0].shape[1]
            yield held.popleft()
    padding = surplus(count)
    for wave, rate_hz in held:
        kept = max(0, min(wave.shape[1], total - padding))
        total -= wave.shape[1]
        if kept:
            yield wave[:, :kept], rate_hz


def up_to(waves: Waves, declared: int, slack: int) -> Iterator[tuple[Wave, int]]:
    """What lies before the `declared` end, and what lies behind it if that can be no padding.

    Less than one encoder block of it is padding and is dropped; more means that the declaration was
    wrong, and everything is given after all. `slack` is how far short the declaration may fall by
    its own coarseness: a rest of at most `slack` samples is sound, not padding.
    """
    given = kept = 0
    held: list[tuple[Wave, int]] = []
    for wave, rate_hz in waves:
        sure = wave.shape[1] if kept > LONGEST_PADDING else min(wave.shape[1], declared - given)
        given += sure
        if sure:
            yield wave[:, :sure], rate_hz
        if sure < wave.shape[1]:
            held.append((wave[:, sure:], rate_hz))
            kept += wave.shape[1] - sure
        if kept > LONGEST_PADDING:
            yield from held
            held.clear()
    if kept <= slack:
        yield from held
