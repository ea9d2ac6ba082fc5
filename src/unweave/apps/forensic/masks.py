"""Attenuation and nothing else: a recording under two masks that sum to one.

Both masks lie between 0 and 1 at every point of the short-time Fourier transform, and the second is
one minus the first. Window and hop make a tight frame (a periodic Hann window's square root, four
frames over each sample), so that no output has more energy than the recording, and the two outputs
sum to it. A guide, whatever made it, decides how much of each point is kept, and adds no sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from unweave.signal.blocks import in_blocks, windows
from unweave.types import Wave

REVISION = 1  # goes up when the masks are others than before
WINDOW_S = 0.046  # rounded to a power of two samples
OVERLAP = 4
STEPS = 128  # hops in a block

Spectrum = npt.NDArray[np.complex128]
Mask = npt.NDArray[np.float64]


def masks(guide: Spectrum, recording: Spectrum) -> tuple[Mask, Mask]:
    """How much of each point goes to what the guide stands for, and how much to the rest.

    guide, recording: spectra of one shape. The first mask is `|G|^2 / (|G|^2 + |X - G|^2)`, a
    Wiener filter with the powers of the guide and of what it leaves (Benaroya, Bimbot and
    Gribonval, IEEE TASLP 14(1), 2006). Where the guide is silent it is 0.
    """
    wanted = guide.real**2 + guide.imag**2
    rest = recording - guide
    others = rest.real**2 + rest.imag**2
    kept = np.divide(wanted, wanted + others, out=np.zeros_like(wanted), where=wanted > 0)
    return kept, 1.0 - kept


def frame_size(rate_hz: int) -> int:
    """Samples of a frame."""
    return int(max(16, 2 ** round(np.log2(WINDOW_S * rate_hz))))


def apply(
    recording: Iterable[Wave], guide: Iterable[Wave], rate_hz: int
) -> Iterator[tuple[Wave, Wave]]:
    """Blocks of what the guide stands for, and of the rest, both `(channel, time)` float32.

    recording, guide: blocks `(channel, time)` of any size, as many samples of both. Blocks of any
    size give the same samples, and nothing is late. The rest is the recording minus the first,
    which is the recording under the second mask. Raises ValueError where one is longer.
    """
    size = frame_size(rate_hz)
    hop = size // OVERLAP
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size))
    pairs = zip(_framed(recording, hop, size), _framed(guide, hop, size), strict=True)
    for wave, led in pairs:
        if wave.shape != led.shape:
            raise ValueError(f"the guide has {led.shape} where the recording has {wave.shape}")
        spectrum = _spectrum(wave, window, hop)
        kept, _ = masks(_spectrum(led, window, hop), spectrum)
        inside = wave[:, size : wave.shape[1] - size]
        found = _wave(kept * spectrum, window, hop)[:, size : size + inside.shape[1]]
        wanted = found.astype(np.float32)
        yield wanted, (inside.astype(np.float64) - found).astype(np.float32)


def _framed(blocks: Iterable[Wave], hop: int, size: int) -> Iterator[Wave]:
    """Blocks of whole hops, each with a frame of what lies around it."""
    return windows(in_blocks(iter(blocks), STEPS * hop), size)


def _spectrum(wave: Wave, window: npt.NDArray[np.float64], hop: int) -> Spectrum:
    """`(channel, time)` to `(channel, frame, frequency)`."""
    short = -(wave.shape[1] - len(window)) % hop  # the last block ends between two hops
    whole = np.pad(wave.astype(np.float64), ((0, 0), (0, short)))
    frames = np.lib.stride_tricks.sliding_window_view(whole, len(window), axis=-1)[:, ::hop]
    return np.fft.rfft(frames * window, axis=-1)


def _wave(spectrum: Spectrum, window: npt.NDArray[np.float64], hop: int) -> npt.NDArray[np.float64]:
    """The frames' inverse, windowed again and summed: what `_spectrum` took, but for the ends."""
    size = len(window)
    frames = np.fft.irfft(spectrum, n=size, axis=-1) * (window * (2 / OVERLAP))
    channels, count, _ = frames.shape
    out = np.zeros((channels, count + OVERLAP - 1, hop))
    for n in range(OVERLAP):
        out[:, n : n + count] += frames[..., n * hop : (n + 1) * hop]
    return out.reshape(channels, -1)
