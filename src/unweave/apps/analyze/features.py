"""What is kept of the sound while it goes by: a few numbers for each tenth of a second.

`Pulse` follows how strongly something begins, `Tones` which pitches sound, `Timbre` what the
spectrum is like. All take mono blocks of any size at RATE_HZ; frames are centred on multiples of
their hop, so that how the sound was cut makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unweave.types import Wave

Array = npt.NDArray[np.float64]
Small = npt.NDArray[np.float32]

RATE_HZ = 22_050
PULSE_HOP = 441
PULSE_SIZE = 1024
PULSE_HZ = RATE_HZ / PULSE_HOP  # 50 frames a second
PULSE_BANDS = 48
LOW_HZ, HIGH_HZ = 160.0, 2500.0  # kick drum below, snare and cymbals above
TONES_HOP = 2205
TONES_SIZE = 8192
TONES_HZ = RATE_HZ / TONES_HOP  # 10 frames a second
STEPS = 3  # parts of a semitone that are told apart, for the tuning
CHROMA_HZ = 65.0, 2100.0
BASS_HZ = 38.0, 260.0
FLOOR = 1e-4  # of magnitude: what is 80 dB below full scale counts little
TIMBRE_BANDS = 14


@dataclass(frozen=True)
class PulseTrack:
    """Onset strength, PULSE_HZ frames a second: of all, of the low and of the high bands, each
    `(frame,)`."""

    all: Small
    low: Small
    high: Small


@dataclass(frozen=True)
class ToneTrack:
    """TONES_HZ frames a second: pitch classes of all and of the bass, `(frame, 12 * STEPS)`, C
    first."""

    chroma: Small
    bass: Small


class Frames:
    """Cuts a stream of mono blocks into frames `(frame, size)`, `hop` apart, the first centred on
    the first sample; silence lies beyond both ends."""

    def __init__(self, size: int, hop: int) -> None:
        self.size, self.hop = size, hop
        self._rest: Wave = np.zeros(size // 2, np.float32)
        self._length = 0
        self._given = 0

    def push(self, wave: Wave) -> Wave:
        """The next samples `(time,)`; the frames that are complete."""
        self._length += len(wave)
        found = self._cut(np.concatenate([self._rest, wave]))
        self._given += len(found)
        return found

    def finish(self) -> Wave:
        """The frames up to the end of the sound: those centred inside."""
        left = max(0, -(-self._length // self.hop) - self._given)
        return self._cut(np.concatenate([self._rest, np.zeros(self.size, np.float32)]))[:left]

    def _cut(self, wave: Wave) -> Wave:
        if len(wave) < self.size:
            self._rest = wave
            return np.zeros((0, self.size), np.float32)
        found = np.lib.stride_tricks.sliding_window_view(wave, self.size)[:: self.hop]
        self._rest = wave[len(found) * self.hop :].copy()
        return found


class Pulse:
    """Onset strength by spectral flux that vibrato does not disturb: the rise of log magnitude in
    each band over the loudest neighbouring band one frame before (S. Böck, G. Widmer, Maximum
    filter vibrato suppression for onset detection, DAFx 2013)."""

    def __init__(self) -> None:
        self._frames = Frames(PULSE_SIZE, PULSE_HOP)
        self._window = np.hanning(PULSE_SIZE + 1)[:-1].astype(np.float32)
        self._bands, middles_hz = _bands(PULSE_SIZE, PULSE_BANDS, 30.0, 10_000.0)
        self._low, self._high = middles_hz < LOW_HZ, middles_hz > HIGH_HZ
        self._before: Small | None = None
        self._found: list[Small] = []

    def push(self, wave: Wave) -> None:
        """The next samples `(time,)`."""
        self._add(self._frames.push(wave))

    def track(self) -> PulseTrack:
        """Of all that was pushed. It is used up."""
        self._add(self._frames.finish())
        found = np.concatenate([np.zeros((0, 3), np.float32), *self._found])
        return PulseTrack(found[:, 0], found[:, 1], found[:, 2])

    def _add(self, frames: Wave) -> None:
        if not len(frames):
            return
        magnitude = np.abs(np.fft.rfft(frames * self._window)) * (2 / self._window.sum())
        level = np.log10(FLOOR + magnitude.astype(np.float64) @ self._bands)
        if self._before is None:
            self._before = level[0]  # what sounds from the first sample on has no onset
        previous = np.concatenate([self._before[None], level[:-1]])
        wide = np.pad(previous, ((0, 0), (1, 1)), mode="edge")
        loudest = np.maximum(np.maximum(wide[:, :-2], wide[:, 1:-1]), wide[:, 2:])
        rise = np.maximum(level - loudest, 0.0)
        sums = [rise.sum(1), rise[:, self._low].sum(1), rise[:, self._high].sum(1)]
        self._found.append(np.stack(sums, axis=1).astype(np.float32))
        self._before = level[-1]


class Tones:
    """Pitch classes by the peaks of the spectrum (E. Gómez, Tonal description of polyphonic audio
    for music content processing, INFORMS Journal on Computing 18(3), 2006), and those of the bass
    by themselves."""

    def __init__(self) -> None:
        self._frames = Frames(TONES_SIZE, TONES_HOP)
        self._found: list[tuple[Small, Small]] = []

    def push(self, wave: Wave) -> None:
        """The next samples `(time,)`."""
        self._add(self._frames.push(wave))

    def track(self) -> ToneTrack:
        """Of all that was pushed. It is used up."""
        self._add(self._frames.finish())
        none = np.zeros((0, 12 * STEPS), np.float32)
        columns = zip((none, none), *self._found, strict=True)
        return ToneTrack(*(np.concatenate(column) for column in columns))

    def _add(self, frames: Wave) -> None:
        if len(frames):
            magnitude = _magnitudes(frames)
            self._found.append((classes(magnitude, CHROMA_HZ), classes(magnitude, BASS_HZ)))


class Timbre:
    """The level of wide bands in dB, in step with `Tones`."""

    def __init__(self) -> None:
        self._frames = Frames(TONES_SIZE, TONES_HOP)
        self._bands, _ = _bands(TONES_SIZE, TIMBRE_BANDS, 40.0, 10_000.0)
        self._found: list[Small] = []

    def push(self, wave: Wave) -> None:
        """The next samples `(time,)`."""
        self._add(self._frames.push(wave))

    def track(self) -> Small:
        """`(frame, band)` of all that was pushed. It is used up."""
        self._add(self._frames.finish())
        return np.concatenate([np.zeros((0, self._bands.shape[1]), np.float32), *self._found])

    def _add(self, frames: Wave) -> None:
        if len(frames):
            power = _magnitudes(frames).astype(np.float64) ** 2 @ self._bands
            self._found.append((10 * np.log10(power + FLOOR**2)).astype(np.float32))


def _magnitudes(frames: Wave) -> Wave:
    """Of spectra, 1 for a sine of full scale. frames: `(frame, TONES_SIZE)`."""
    window = np.hanning(TONES_SIZE + 1)[:-1].astype(np.float32)
    magnitude = np.abs(np.fft.rfft(frames * window)) * (2 / window.sum())
    return magnitude.astype(np.float32)


def classes(magnitude: Wave, range_hz: tuple[float, float]) -> Small:
    """Pitch classes of spectra `(frame, TONES_SIZE // 2 + 1)`: `(frame, 12 * STEPS)`, C first.

    Each peak between the frequencies counts with its magnitude, at the frequency of the parabola
    through it and its neighbours in dB. Each frame is divided by its largest value.
    """
    bin_hz = RATE_HZ / TONES_SIZE
    first, last = int(range_hz[0] / bin_hz), int(range_hz[1] / bin_hz)
    part = magnitude[:, first - 1 : last + 1].astype(np.float64)
    inner = part[:, 1:-1]
    frame, place = np.nonzero((inner > part[:, :-2]) & (inner >= part[:, 2:]) & (inner > FLOOR))
    left, middle, right = (np.log(part[frame, place + n] + 1e-12) for n in range(3))
    bend = left - 2 * middle + right
    offset = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, -1.0), 0.0)
    hz = (first + place + np.clip(offset, -0.5, 0.5)) * bin_hz
    step = np.round(STEPS * (69 + 12 * np.log2(hz / 440))).astype(np.int64) % (12 * STEPS)
    size = 12 * STEPS
    found = np.bincount(
        frame * size + step, weights=inner[frame, place], minlength=len(magnitude) * size
    ).reshape(-1, size)
    most = found.max(axis=1, keepdims=True)
    return (found / np.where(most > 0, most, 1.0)).astype(np.float32)


def _bands(size: int, count: int, low_hz: float, high_hz: float) -> tuple[Array, Array]:
    """Triangles, evenly spaced in the logarithm of frequency but no narrower than two bins: weights
    `(bin, band)` and the middles in Hz."""
    hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    edges: list[float] = [low_hz]
    ratio = (high_hz / low_hz) ** (1 / (count + 1))
    while edges[-1] < high_hz:
        edges.append(max(edges[-1] * ratio, edges[-1] + hz[1]))
    triples = zip(edges[:-2], edges[1:-1], edges[2:], strict=True)
    weights = [
        np.maximum(0, np.minimum((hz - a) / (b - a), (c - hz) / (c - b))) for a, b, c in triples
    ]
    return np.stack(weights, axis=1), np.array(edges[1:-1])
