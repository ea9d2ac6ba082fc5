"""The constant-Q spectrogram that the chord networks are trained on, in windows of a stream.

C. Schörkhuber and A. Klapuri, "Constant-Q transform toolbox for music processing", SMC 2010,
explain the transform, G. Velasco and others, "Constructing an invertible constant-Q transform with
nonstationary Gabor frames", DAFx 2011, how one transform of a long piece gives all bins: each is a
band of its spectrum, windowed, folded to the rate of frames, and transformed back.

The bins are those of `hybrid_cqt` of librosa 0.11, which made the networks' training data: filters
with a Hann window and 1.5 times the usual selectivity's reciprocal. Filters shorter than two hops
see magnitudes of a plain transform instead, as there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from unweave.types import Wave

    Values = npt.NDArray[np.float64]

RATE_HZ = 22050
HOP = 512
BINS_PER_OCTAVE = 36
BINS = 252  # seven octaves from C1
LOWEST_HZ = 440.0 * 2 ** (-45 / 12)
FRAMES = 4016  # of a window: a minute and a half
CONTEXT = 400  # frames at the ends of a window whose chords its neighbours give
MARGIN = 40  # frames of sound beyond a window: the longest filter reaches that far
LOBES = 16  # of a filter's spectrum on each side; those beyond are below -90 dB
SHORT = 512  # samples of the longest filter that sees magnitudes
SIZE = 1024  # of the transform that gives them
STEP = 0.01  # of the tuning, in bins
PEAKS_HZ = (150.0, 4000.0)  # where partials tell the tuning
LEAST = 0.1  # of a frame's largest magnitude, from which on a maximum is a partial


@dataclass(frozen=True)
class Window:
    """Part of a recording. wave: `((frames + 2 * MARGIN) * HOP,)`, silence beyond its ends.

    frames: whose features it gives; kept: those that no other window gives.
    """

    wave: Wave
    frames: int
    kept: slice


def windows(blocks: Iterable[Wave]) -> Iterator[Window]:
    """Windows of blocks `(time,)`: `FRAMES` long, the last one ends with the recording.

    A recording of n samples has 1 + n // HOP frames, around the samples 0, HOP, 2 HOP, ...
    """
    margin = MARGIN * HOP
    held = np.zeros(margin, np.float32)  # begins MARGIN frames before the frame `first`
    first = start = given = 0  # frames: of `held`, of the next window, that are given
    length = 0
    parts: list[Wave] = []
    for block in blocks:
        parts.append(block)
        length += block.shape[0]
        # One more frame has to be there: the last window is cut otherwise.
        while length >= (start + FRAMES + MARGIN) * HOP:
            held, parts = np.concatenate([held, *parts]), []
            begin = (start - first) * HOP
            wave = held[begin : begin + FRAMES * HOP + 2 * margin]
            until = FRAMES - CONTEXT
            yield Window(wave, FRAMES, slice(given - start, until))
            given = start + until
            held, first = held[begin:], start  # the last window may begin right behind
            start += FRAMES - 2 * CONTEXT
    total = 1 + length // HOP if length else 0
    if given < total:
        begin = max(0, total - FRAMES)
        frames = total - begin
        wave = np.concatenate([held, *parts])[(begin - first) * HOP :]
        wave = np.pad(wave, (0, max(0, frames * HOP + 2 * margin - wave.shape[0])))
        yield Window(wave[: frames * HOP + 2 * margin], frames, slice(given - begin, frames))


def features(window: Window) -> Wave:
    """The magnitudes of a window, `(frame, bin)` float32, at the tuning of its sound."""
    wave = window.wave
    margin = MARGIN * HOP
    lowest_hz = LOWEST_HZ * 2 ** (tuning(wave[margin:-margin]) / BINS_PER_OCTAVE)
    hz = lowest_hz * 2 ** (np.arange(BINS) / BINS_PER_OCTAVE)
    ratio = 2 ** (2 / BINS_PER_OCTAVE)
    lengths = (ratio + 1) / (ratio - 1) * RATE_HZ / hz  # samples of each filter
    long = int(np.sum(2 ** np.ceil(np.log2(lengths)) > SHORT))
    found = np.empty((window.frames, BINS), np.float32)
    found[:, :long] = _folded(wave, hz[:long], lengths[:long])[MARGIN : MARGIN + window.frames]
    spectra = magnitudes(wave[margin - SIZE // 2 :], SIZE, window.frames)
    found[:, long:] = spectra @ _short_filters(hz[long:], lengths[long:]).T
    return found


def _folded(wave: Wave, hz: Values, lengths: Values) -> Wave:
    """The bins of the filters with these centres and lengths, `(frame, bin)`."""
    total = -(-wave.shape[0] // (16 * HOP)) * 16 * HOP  # a size that transforms quickly
    frames = total // HOP
    spectrum = np.fft.rfft(wave, total)
    found = np.empty((frames, hz.shape[0]), np.float32)
    for n, (centre, length) in enumerate(zip(hz / RATE_HZ, lengths, strict=True)):
        low, high = (round((centre + side * LOBES / length) * total) for side in (-1, 1))
        at = (np.arange(low, high) / total - centre) * length
        band = spectrum[low:high] * (np.sinc(at) + (np.sinc(at - 1) + np.sinc(at + 1)) / 2)
        # Frequencies that lie as many frames apart look alike in the frames.
        rows = np.pad(band, (0, -band.shape[0] % frames)).reshape(-1, frames)
        found[:, n] = np.abs(np.fft.ifft(rows.sum(0))) * (np.sqrt(length) / HOP)
    return found


def _short_filters(hz: Values, lengths: Values) -> Values:
    """What each short filter takes of a magnitude spectrum, `(bin, SIZE // 2 + 1)`."""
    found = np.empty((hz.shape[0], SIZE // 2 + 1))
    for n, (centre, length) in enumerate(zip(hz / RATE_HZ, lengths, strict=True)):
        samples = np.arange(np.floor(-length / 2), np.floor(length / 2))
        taps = np.hanning(samples.shape[0] + 1)[:-1] * np.exp(2j * np.pi * centre * samples)
        spectrum = np.fft.fft(taps / np.abs(taps).sum(), SIZE)[: SIZE // 2 + 1]
        found[n] = np.abs(spectrum) * length / SIZE / np.sqrt(SIZE)
    return found


def magnitudes(wave: Wave, size: int, frames: int) -> Wave:
    """Magnitude spectra of the first frames, `(frame, size // 2 + 1)`, with a Hann window."""
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    cut = np.lib.stride_tricks.sliding_window_view(wave, size)[::HOP][:frames]
    groups = np.array_split(cut, -(-frames // 64))
    return np.concatenate([np.abs(np.fft.rfft(each * window)) for each in groups])


def tuning(wave: Wave) -> float:
    """How far the partials of a wave `(time,)` lie above the bins of A 440, -0.5 to 0.5 bins.

    The most common deviation of the louder half of all partials, as librosa's `estimate_tuning`.
    """
    size = 2048
    padded = np.pad(wave, size // 2)
    spectra = magnitudes(padded, size, 1 + wave.shape[0] // HOP)
    here, before, behind = spectra[:, 1:-1], spectra[:, :-2], spectra[:, 2:]
    hz = np.arange(1, size // 2) * RATE_HZ / size
    loud = here > LEAST * spectra.max(1, keepdims=True)
    partial = loud & (here > before) & (here >= behind)
    partial &= (hz >= PEAKS_HZ[0]) & (hz < PEAKS_HZ[1])
    frame, place = np.nonzero(partial)
    if not frame.size:
        return 0.0
    here, before, behind = (each[frame, place] for each in (here, before, behind))
    slope, curve = (behind - before) / 2, behind + before - 2 * here
    shift = np.where(np.abs(slope) < np.abs(curve), -slope / np.where(curve, curve, 1), 0.0)
    level = here + slope * shift / 2
    chosen = level >= np.median(level)
    bins = BINS_PER_OCTAVE * np.log2((place[chosen] + 1 + shift[chosen]) * RATE_HZ / size / 440.0)
    off = (bins + 0.5) % 1.0 - 0.5
    counts, edges = np.histogram(off, np.linspace(-0.5, 0.5, round(1 / STEP) + 1))
    return float(edges[np.argmax(counts)])
