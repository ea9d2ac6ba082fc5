"""Spectra of signals of any length, for adapters that work on bins: in frames of 2048 samples.

The frames are those of Ultimate Vocal Remover and audio-separator: a Hann window, 1024 samples from
one to the next, the first centred on the first sample.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unweave.core.plan import Plan

if TYPE_CHECKING:
    from torch import Tensor

FRAME, HOP = 2048, 1024
# Frames of all segments lie on one grid, and none that is cut by a segment's end is kept.
SEGMENTS = Plan(length=64 * HOP + 2 * FRAME, hop=64 * HOP, context=FRAME)


def analysed(wave: Tensor) -> Tensor:
    """`(..., time)` to complex `(..., frequency, frame)`."""
    from unweave.signal import centred

    return centred.analyse(wave, FRAME, HOP, centred.hann(FRAME, wave.device))


def synthesised(spectrum: Tensor, length: int) -> Tensor:
    """Complex `(..., frequency, frame)` to `(..., time)` of `length` samples."""
    from unweave.signal import centred

    return centred.synthesise(spectrum, FRAME, HOP, centred.hann(FRAME, spectrum.device), length)
