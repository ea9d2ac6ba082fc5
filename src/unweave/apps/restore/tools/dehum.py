"""Mains hum: 50 or 60 Hz and its harmonics, followed as they drift and subtracted as sinusoids.

`learn` looks at the spectrum of frame after frame for a fundamental near 50 or 60 Hz whose
harmonics stand above what is around them. A harmonic is hum if it does so in half of all frames,
and if its level is the same in half of them; there is hum if at least three harmonics are, and they
are not those of a higher tone. Notes come and go, and those of A = 440 Hz lie further from 50 and
60 Hz than `within`. Where there is hum, its other harmonics count that stand above what is around
them in a quarter of all frames: notes may cover them.

Then each of these harmonics is demodulated with the frequency that was found. What of its
complex amplitude stays, the median over some seconds, is synthesised and subtracted; where it
does not stay, as under a note of the same frequency, less is, or nothing. No filter cuts the bass
notes beside the hum. Hum that moves within seconds, as by the wow of a tape, is not followed.

The estimate of amplitudes is that of least squares for sinusoids far apart (Rife and Boorstyn,
"Multiple tone parameter estimation from discrete-time observations", Bell System Technical Journal
55(9), 1976).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from unweave.audio.resampler import Resampler
from unweave.signal.blocks import in_blocks, windows
from unweave.types import Wave

Array = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

MAINS_HZ = 50.0, 60.0
HIGHEST_HZ = 1000.0  # of a harmonic
LOW_HZ = 2400  # the rate at which hum is looked at
FRAME_S = 2.0
HOP_S = 0.5
DENSE = 8  # times as many bins as a frame has samples
STEP_HZ = 0.005  # of the fundamentals that are tried
NEAR_HZ = 2.0, 12.0  # around a harmonic: where the spectrum is not its own, up to where it counts
PROMINENT_DB = 6.0  # in the median of all frames
ENOUGH_DB = 40.0  # more prominence does not count more
HEARD = 0.25  # of all frames, in which other harmonics of a hum that was found have to stand above
STEADY_DB = 3.0  # in which half of a harmonic's levels lie
BINS_DB = np.arange(-200.0, 100.0, 0.25)  # of counted levels
FRAMES = 5  # at least
HARMONICS = 3  # at least
COMMON = 2  # the most that all are multiples of: rectifiers hum at twice the mains
MEMORY = 0.8  # of what earlier frames say about the frequency
SMOOTH = 4  # frames on each side
STAYS = 6  # frames on each side that an amplitude is the median of
TRUST = 2.0, 4.0  # of that median to the usual distance from it: nothing and all is subtracted
SIZE_S, CONTEXT_S = 8, 6


@dataclass(frozen=True)
class Hum:
    """What `learn` found. harmonics: their numbers, none where there is no hum; levels_dbfs: of
    each, that of a sine at full scale being 0. times_s, frequencies_hz: of the fundamental."""

    harmonics: tuple[int, ...] = ()
    levels_dbfs: tuple[float, ...] = ()
    times_s: tuple[float, ...] = ()
    frequencies_hz: tuple[float, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.harmonics)

    @property
    def frequency_hz(self) -> float:
        """The mean of the fundamental."""
        return float(np.mean(self.frequencies_hz)) if self.frequencies_hz else 0.0

    def cycles(self, time_s: Array) -> Array:
        """Of the fundamental since time 0, `frequencies_hz` being linear between its times."""
        at, hz = np.array(self.times_s), np.array(self.frequencies_hz)
        at, hz = np.concatenate([[at[0] - 1e9], at, [at[-1] + 1e9]]), np.pad(hz, 1, "edge")
        sums = np.concatenate([[0.0], np.cumsum(np.diff(at[1:-1]) * (hz[1:-2] + hz[2:-1]) / 2)])
        place = np.searchsorted(at, time_s, "right") - 1
        place = np.clip(place, 0, len(at) - 2)
        start = np.maximum(place, 1)  # what lies before the first time is counted from it
        passed = time_s - at[start]
        slope = (hz[place + 1] - hz[place]) / (at[place + 1] - at[place])
        found: Array = sums[start - 1] + passed * (hz[start] + slope * passed / 2)
        return found


@dataclass
class Removed:
    """removed_db: power of what was subtracted, relative to the recording's."""

    _hum: float = 0.0
    _all: float = 0.0

    @property
    def removed_db(self) -> float:
        return float(10 * np.log10(max(self._hum, 1e-30) / max(self._all, 1e-30)))

    def add(self, hum: Array, wave: Wave) -> None:
        self._hum += float((hum**2).sum())
        self._all += float(np.square(wave, dtype=np.float64).sum())


def learn(
    blocks: Iterator[Wave],
    sample_rate_hz: int,
    *,
    mains_hz: float | None = None,
    within: float = 0.01,
) -> Hum:
    """The hum of a recording, blocks `(channel, time)` of any length.

    mains_hz: near which the fundamental is, for instance where a tape runs at another speed; None:
    50 or 60. within: how far from it, as a part of it. Raises ValueError for what cannot be.
    """
    named = mains_hz is None or 20 <= mains_hz <= 200
    if not named or not 0 < within <= 0.2:
        raise ValueError(f"cannot look for hum within {within} of {mains_hz} Hz")
    trackers = [_Tracker(hz, within) for hz in (MAINS_HZ if mains_hz is None else (mains_hz,))]
    for frame in _frames(blocks, sample_rate_hz):
        for tracker in trackers:
            tracker.add(frame)
    best = max((tracker.hum() for tracker in trackers), key=lambda hum: len(hum.harmonics))
    return best


def _frames(blocks: Iterator[Wave], sample_rate_hz: int) -> Iterator[Array]:
    """Power spectra `(bin,)` of frames at LOW_HZ, all channels together."""
    size, hop = round(FRAME_S * LOW_HZ), round(HOP_S * LOW_HZ)
    window = np.hanning(size + 1)[:-1]
    scale = (2 / window.sum()) ** 2
    waiting: Wave | None = None
    for wave in _low(blocks, sample_rate_hz):
        waiting = wave if waiting is None else np.concatenate([waiting, wave], axis=1)
        while waiting.shape[1] >= size:
            spectrum = np.fft.rfft(waiting[:, :size] * window, DENSE * size)
            yield scale * (np.abs(spectrum) ** 2).mean(0)
            waiting = waiting[:, hop:]


def _low(blocks: Iterator[Wave], sample_rate_hz: int) -> Iterator[Wave]:
    resampler: Resampler | None = None
    for block in in_blocks(blocks, sample_rate_hz):
        if resampler is None:
            resampler = Resampler(sample_rate_hz, LOW_HZ, len(block))
        yield resampler.push(block)
    if resampler is not None:
        yield resampler.flush()


class _Tracker:
    """Follows one fundamental; keeps a frequency for each frame, and sums."""

    def __init__(self, mains_hz: float, within: float) -> None:
        steps = int(np.ceil(within * mains_hz / STEP_HZ))
        self.tried_hz = mains_hz + STEP_HZ * np.arange(-steps, steps + 1)
        self.numbers = np.arange(1, int(HIGHEST_HZ / (mains_hz * (1 + within))) + 1)
        self._bin_hz = LOW_HZ / (DENSE * round(FRAME_S * LOW_HZ))
        self._mains_hz = mains_hz
        self._usual = np.zeros((len(self.numbers), len(self.tried_hz)))
        self._frequencies: list[float] = []
        self._levels = np.zeros((len(self.numbers), len(BINS_DB)))
        self._prominences = np.zeros((len(self.numbers), len(BINS_DB)))

    def add(self, power: Array) -> None:
        level_db = 10 * np.log10(np.maximum(power, 1e-20))
        around_db = np.array([self._around(level_db, n * self._mains_hz) for n in self.numbers])
        bins = self.numbers[:, None] * self.tried_hz / self._bin_hz
        levels_db = np.interp(bins, np.arange(len(level_db)), level_db)
        prominence_db = levels_db - around_db[:, None]
        counted = np.clip(prominence_db, 0.0, ENOUGH_DB)
        self._usual = MEMORY * self._usual + (1 - MEMORY) * counted
        best = int(np.argmax(self._usual.sum(0)))
        self._frequencies.append(float(self.tried_hz[best]))
        rows = np.arange(len(self.numbers))
        self._levels[rows, np.searchsorted(BINS_DB, levels_db[:, best]) - 1] += 1
        self._prominences[rows, np.searchsorted(BINS_DB, prominence_db[:, best]) - 1] += 1

    def _around(self, level_db: Array, hz: float) -> float:
        bins = np.arange(
            max(1, int((hz - NEAR_HZ[1]) / self._bin_hz)), int((hz + NEAR_HZ[1]) / self._bin_hz)
        )
        away = np.abs(bins * self._bin_hz - hz) > NEAR_HZ[0]
        return float(np.median(level_db[bins[away]]))

    def hum(self) -> Hum:
        frames = len(self._frequencies)
        if frames < FRAMES:
            return Hum()
        spread_db = _quantile(self._levels, 0.75) - _quantile(self._levels, 0.25)
        steady = (_quantile(self._prominences, 0.5) >= PROMINENT_DB) & (spread_db <= STEADY_DB)
        if steady.sum() < HARMONICS or np.gcd.reduce(self.numbers[steady]) > COMMON:
            return Hum()
        # Others of this hum may lie under notes most of the time.
        heard = _quantile(self._prominences, 1 - HEARD) >= PROMINENT_DB
        mean_db = _quantile(self._levels, 0.5)
        times_s = FRAME_S / 2 + HOP_S * np.arange(frames)
        return Hum(
            tuple(int(n) for n in self.numbers[heard]),
            tuple(float(db) for db in mean_db[heard]),
            tuple(times_s.tolist()),
            tuple(_smooth(np.array(self._frequencies)).tolist()),
        )


def _quantile(counts: Array, part: float) -> Array:
    """Of values counted in BINS_DB, `(row, bin)`."""
    sums = np.cumsum(counts, axis=1)
    return BINS_DB[np.argmax(sums >= part * sums[:, -1:], axis=1)]


def _smooth(values: Array) -> Array:
    """Medians of some, then means."""
    for middle in (np.median, np.mean):
        padded = np.pad(values, SMOOTH, "edge")
        near = np.lib.stride_tricks.sliding_window_view(padded, 2 * SMOOTH + 1)
        values = middle(near, axis=1)
    return values


def dehum(
    blocks: Iterator[Wave], sample_rate_hz: int, *, profile: Hum, found: Removed | None = None
) -> Iterator[Wave]:
    """The same samples without the hum that `learn` found.

    blocks: `(channel, time)` of any length, from the beginning of the recording.
    """
    if not profile:
        yield from blocks
        return
    found = Removed() if found is None else found
    context = CONTEXT_S * sample_rate_hz
    start_s = -CONTEXT_S
    ones = (
        np.concatenate([block, np.ones((1, block.shape[1]), np.float32)])
        for block in in_blocks(blocks, SIZE_S * sample_rate_hz)
    )
    for window in windows(ones, context):
        inside = np.flatnonzero(window[-1])
        span_s = (inside[0] / sample_rate_hz, (inside[-1] + 1) / sample_rate_hz)
        hum = _hum(window[:-1], sample_rate_hz, start_s, span_s, profile)
        core = slice(context, window.shape[1] - context)
        wave = window[:-1, core]
        if hum is None:
            found.add(np.zeros(1), wave)
            yield wave
        else:
            found.add(hum[:, core], wave)
            yield (wave - hum[:, core]).astype(np.float32)
        start_s += SIZE_S


def _hum(
    wave: Wave, sample_rate_hz: int, start_s: float, span_s: tuple[float, float], profile: Hum
) -> Array | None:
    """The hum in `wave`, `(channel, time)`, which begins at `start_s`; None: there is none.

    span_s: where in `wave` the recording is.
    """
    low = np.asarray(soxr.resample(wave.T.astype(np.float64), sample_rate_hz, LOW_HZ, "VHQ")).T
    time_s = np.arange(low.shape[1]) / LOW_HZ
    turning = np.exp(2j * np.pi * profile.cycles(time_s + start_s))
    within = (time_s >= span_s[0]) & (time_s < span_s[1])
    hum = np.zeros_like(low)
    carrier = np.ones_like(turning)
    number = 0
    for harmonic in profile.harmonics:
        carrier = carrier * turning ** (harmonic - number)
        number = harmonic
        middles, amplitudes = _amplitudes(low * carrier.conj(), within)
        steady = _staying(amplitudes)
        if steady.any():
            for channel, row in enumerate(steady):
                between = np.interp(np.arange(low.shape[1]), middles, row)
                hum[channel] += (between * carrier).real
    if not hum.any():
        return None
    hum[:, ~within] = 0.0 if not within.any() else hum[:, ~within]
    back = np.asarray(soxr.resample(hum.T, LOW_HZ, sample_rate_hz, "VHQ")).T
    missing = max(0, wave.shape[1] - back.shape[1])
    return np.pad(back, ((0, 0), (0, missing)))[:, : wave.shape[1]]


def _amplitudes(turned: Complex, within: npt.NDArray[np.bool_]) -> tuple[Array, Complex]:
    """Middles of frames, in samples, and the amplitudes there: `(channel, frame)`.

    Where less than a quarter of a frame is in the recording, they are NaN.
    """
    size, hop = round(FRAME_S * LOW_HZ), round(HOP_S * LOW_HZ)
    window = np.hanning(size + 1)[:-1]
    padded = np.pad(turned, ((0, 0), (size // 2, size // 2 + hop)))
    inside = np.pad(within, (size // 2, size // 2 + hop)).astype(np.float64)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size, axis=1)[:, ::hop]
    weights = np.lib.stride_tricks.sliding_window_view(inside, size)[::hop] @ window
    sums = frames @ window
    enough = weights > window.sum() / 4
    found = np.full(sums.shape, np.nan + 0j)
    found[:, enough] = 2 * sums[:, enough] / weights[enough]
    return hop * np.arange(sums.shape[1], dtype=np.float64), found


def _staying(amplitudes: Complex) -> Complex:
    """What of amplitudes `(channel, frame)` stays over some seconds, at each frame."""
    count = amplitudes.shape[1]
    steps = amplitudes[:, 1:] * amplitudes[:, :-1].conj()
    steps = np.where(np.isfinite(steps), steps, 0).sum(0)
    found = np.zeros_like(amplitudes)
    for frame in range(count):
        first, last = max(0, frame - STAYS), min(count, frame + STAYS + 1)
        # The frequency that was found may be off by millihertz: the phase may go on evenly.
        turn = np.angle(steps[first : last - 1].sum()) if last - 1 > first else 0.0
        back = np.exp(-1j * turn * np.arange(first - frame, last - frame))
        near = amplitudes[:, first:last] * back
        near = near[:, np.isfinite(near[0])]
        if not near.shape[1]:
            continue
        middle = np.median(near.real, axis=1) + 1j * np.median(near.imag, axis=1)
        away = np.median(np.abs(near - middle[:, None]), axis=1)
        trust = np.abs(middle) / np.maximum(away, 1e-12)
        found[:, frame] = middle * np.clip((trust - TRUST[0]) / (TRUST[1] - TRUST[0]), 0.0, 1.0)
    return found
