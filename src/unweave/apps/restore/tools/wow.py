"""Wow: slow changes of speed, found in the partials of all sounds together and undone.

**Found.** `learn` follows the partials of a recording (`signal/partials`). A change of speed moves
all of them by one ratio. So the common step of all partials, from frame to frame, is their median;
added up, and without what is slower than LOW_HZ or faster than HIGH_HZ, it is the deviation of
speed. A singer moves all partials of one voice as well. So the partials are divided in two:
those that are harmonics of the loudest, and the others. Only where both move alike, stretch by
stretch of some seconds, is it the recording that moves; where they do not, or where there is only
one harmonic sound, nothing is corrected, and samples keep their bits.

**Undone** by reading the samples at the times that the deviation tells, with a windowed sinc. Each
sound comes back to its mean place, so that the output is as long as the input; what is slower than
LOW_HZ, a wrong speed or a slow drift, stays. So does flutter, which is faster than partials can be
followed and where vibrato lies. One instrument alone cannot be corrected.

Czyżewski and others, "DSP techniques for determining wow distortion", Journal of the AES 55(4),
2007; the partials are those of McAulay and Quatieri.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from unweave.audio.resampler import Resampler
from unweave.signal.blocks import in_blocks, windows
from unweave.signal.partials import Linker
from unweave.signal.peaks import PADDING, Peaks, find_peaks
from unweave.types import Wave

Array = npt.NDArray[np.float64]

PARTIALS_HZ = 16_000  # the rate at which partials are looked for
SIZE, HOP = 2048, 256  # of their frames
THRESHOLD_DB, PROMINENCE_DB, MOST = -50.0, 12.0, 40
STEEPEST = 2 ** (30 / 1200) - 1  # of a partial, from frame to frame
LEAST_STEP = 0.25 / SIZE
FEWEST = 2  # partials that say where a sound goes
OLD = 4  # frames that a partial has lasted before it counts
CHANGE_DB = 0.7  # of a partial that counts, from frame to frame
HARMONIC = 0.02  # how far from a multiple of the fundamental a harmonic may be
DIVISORS = 4  # the loudest partial is one of so many first harmonics
BRIDGED = 20  # frames without a step
LOW_HZ, HIGH_HZ = 0.4, 4.0
STRETCH_S = 6.0  # in which both parts have to agree
ALIKE = 0.6  # the covariance of their steps, relative to the square of the common one
LEAST_DEPTH = 1.5e-3  # of the speed, root mean square: notes that begin together look like less
SPOKEN = 0.5  # of a stretch, in which both parts have partials
FARTHEST_S = 0.05  # that a sample is moved
TAPS = 32  # of the sinc
PHASES = 512  # at which it is tabulated
CORE = 1 << 16

Step = tuple[float, float, float]
"""The common step of the logarithm of frequency: of all, of one sound, of the others; NaN: none."""


@dataclass(frozen=True, eq=False)
class Wow:
    """What `learn` found.

    displaced_s: the time at which a sound should be heard less that at which it is recorded, at
    steps of `hop_s` from 0 on; none where nothing is corrected. depth: the deviation of speed that
    is corrected, root mean square over these stretches. corrected_s: how long they are. likeness:
    how far both parts move alike, at best, 1 being alike; NaN where there was one sound at a time.
    """

    hop_s: float = HOP / PARTIALS_HZ
    displaced_s: Array = field(default_factory=lambda: np.zeros(0))
    depth: float = 0.0
    corrected_s: float = 0.0
    likeness: float = float("nan")

    def __bool__(self) -> bool:
        return len(self.displaced_s) > 0

    @property
    def refusal(self) -> str:
        """Why nothing is corrected; empty where something is."""
        if self:
            return ""
        if np.isnan(self.likeness):
            return "no two sounds at once tell whether it is the recording that moves"
        return "its sounds do not move together, so that it is no change of speed"


def learn(blocks: Iterator[Wave], sample_rate_hz: int) -> Wow:
    """The deviation of speed of a recording, blocks `(channel, time)` of any length."""
    if sample_rate_hz <= 0:
        raise ValueError(f"cannot look for wow at {sample_rate_hz} Hz")
    steps = [array("f") for _ in range(3)]
    for step in _steps(blocks, sample_rate_hz):
        for row, value in zip(steps, step, strict=True):
            row.append(value)
    return _found(*(np.array(row, np.float64) for row in steps))


def _steps(blocks: Iterator[Wave], sample_rate_hz: int) -> Iterator[Step]:
    """One for each frame: frame n lies around sample `n HOP` at PARTIALS_HZ."""
    linker = Linker(STEEPEST, LEAST_STEP, asleep=1)
    known: dict[int, tuple[int, float, float, int]] = {}  # track -> frame, ln frequency, dB, age
    first = 0
    for wave in _padded(blocks, sample_rate_hz):
        count = (wave.shape[1] - PADDING * SIZE) // HOP + 1
        peaks = find_peaks(
            torch.from_numpy(wave),
            SIZE,
            HOP,
            threshold_db=THRESHOLD_DB,
            prominence_db=PROMINENCE_DB,
            most=MOST,
            first_frame=first,
        )
        tracks = linker.link(peaks)
        edges = np.searchsorted(peaks.frame, np.arange(first, first + count + 1))
        for n in range(count):
            here = slice(edges[n], edges[n + 1])
            yield _step(peaks, tracks[here], here, first + n, known)
        known = {track: last for track, last in known.items() if last[0] >= first + count - 2}
        first += count


def _padded(blocks: Iterator[Wave], sample_rate_hz: int) -> Iterator[Wave]:
    """The sound at PARTIALS_HZ, in parts that hold whole frames, silence before and behind it."""
    resampler: Resampler | None = None
    waiting = np.zeros((0, 0), np.float32)

    def ready() -> Iterator[Wave]:
        nonlocal waiting
        count = (waiting.shape[1] - PADDING * SIZE) // HOP + 1
        if count > 0:
            yield np.ascontiguousarray(waiting[:, : PADDING * SIZE + (count - 1) * HOP])
            waiting = waiting[:, count * HOP :]

    for block in in_blocks(blocks, sample_rate_hz):
        if resampler is None:
            resampler = Resampler(sample_rate_hz, PARTIALS_HZ, len(block))
            waiting = np.zeros((len(block), PADDING * SIZE // 2), np.float32)
        waiting = np.concatenate([waiting, resampler.push(block)], axis=1)
        yield from ready()
    if resampler is not None:
        silence = np.zeros((len(waiting), PADDING * SIZE // 2), np.float32)
        waiting = np.concatenate([waiting, resampler.flush(), silence], axis=1)
        yield from ready()


def _step(
    peaks: Peaks,
    tracks: npt.NDArray[np.int64],
    here: slice,
    frame: int,
    known: dict[int, tuple[int, float, float, int]],
) -> Step:
    """The step of one frame. known: the last point of each track, which is brought up to date."""
    places = np.log(peaks.frequency[here])
    power = (np.abs(peaks.amplitude[here]) ** 2).sum(1)
    levels_db = 10 * np.log10(power + 1e-30)
    steps = np.full(len(places), np.nan)
    points = zip(tracks.tolist(), places.tolist(), levels_db.tolist(), strict=True)
    for n, (track, place, level_db) in enumerate(points):
        last, before, before_db, age = known.get(track, (-1, 0.0, 0.0, 0))
        # Where a note begins or ends, its partials are not yet, or no longer, what they are.
        if last == frame - 1 and age >= OLD and abs(level_db - before_db) < CHANGE_DB:
            steps[n] = place - before
        known[track] = frame, place, level_db, age + 1
    counts = np.isfinite(steps)
    if not counts.any():
        return np.nan, np.nan, np.nan
    # A peak is found to a part of a bin, which is a smaller ratio higher up.
    weights = np.sqrt(np.sqrt(power)) * np.exp(places)
    one = _of_loudest(peaks.frequency[here], power)
    return (
        _median(steps[counts], weights[counts]),
        _median(steps[counts & one], weights[counts & one]),
        _median(steps[counts & ~one], weights[counts & ~one]),
    )


def _of_loudest(frequency: Array, power: Array) -> npt.NDArray[np.bool_]:
    """Which partials are of one harmonic sound with the loudest."""
    loudest = frequency[np.argmax(power)]
    best: npt.NDArray[np.bool_] = np.zeros(len(power), np.bool_)
    for divisor in range(1, DIVISORS + 1):
        number = frequency * divisor / loudest
        mine = (np.abs(number - np.round(number)) < HARMONIC * np.maximum(number, 1)) & (
            number > 0.5
        )
        if power[mine].sum() > 1.05 * power[best].sum():
            best = mine
    return best


def _median(values: Array, weights: Array) -> float:
    """The weighted median; NaN of fewer than FEWEST."""
    if len(values) < FEWEST:
        return float("nan")
    order = np.argsort(values)
    sums = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(sums, sums[-1] / 2)])


def _found(all_steps: Array, one: Array, others: Array) -> Wow:
    """What to correct, from the steps of all frames."""
    hop_s = HOP / PARTIALS_HZ
    width = round(STRETCH_S / hop_s)
    if len(all_steps) < width:
        return Wow()
    deviation = _deviation(all_steps)
    common = np.diff(deviation, prepend=deviation[:1])
    # Errors of the two parts are independent, and so their covariance has none. Which of two
    # sounds is the loudest may change: where one moves alone, it is zero all the same.
    both = np.isfinite(one) & np.isfinite(others)
    gate = np.zeros(len(deviation))
    best = float("nan")
    for first in range(0, len(deviation) - width + 1, width // 4):
        part = slice(first, first + width)
        told = both[part]
        if told.sum() < SPOKEN * width:
            continue
        together = np.cov(one[part][told], others[part][told])[0, 1]  # a glide of both is none
        likeness = float(together / ((common[part][told] ** 2).mean() + 1e-30))
        best = likeness if np.isnan(best) else max(best, likeness)
        if likeness >= ALIKE and deviation[part].std() >= LEAST_DEPTH:
            gate[part] = 1.0
    if not gate.any():
        return Wow(likeness=best)
    corrected = gate > 0
    displaced_s = (np.cumsum(deviation) - deviation / 2) * hop_s
    displaced_s = _band(displaced_s) * _faded(gate, round(1 / hop_s))
    return Wow(
        hop_s,
        np.clip(displaced_s, -FARTHEST_S, FARTHEST_S),
        float(deviation[corrected].std()),
        float(corrected.sum()) * hop_s,
        best,
    )


def _deviation(steps: Array) -> Array:
    """The logarithm of the speed, of steps in frames; short gaps are bridged."""
    known = np.isfinite(steps)
    if not known.any():
        return np.zeros(len(steps))
    places = np.arange(len(steps))
    filled = np.interp(places, places[known], steps[known])
    before = np.maximum.accumulate(np.where(known, places, -(BRIDGED + 1)))
    after = np.minimum.accumulate(np.where(known, places, len(steps) + BRIDGED)[::-1])[::-1]
    return _band(np.cumsum(np.where(after - before <= BRIDGED, filled, 0.0)))


def _band(values: Array) -> Array:
    """What lies between LOW_HZ and HIGH_HZ."""
    padding = round(4 / LOW_HZ * PARTIALS_HZ / HOP)
    padded = np.pad(values, padding, "edge")
    line = np.linspace(padded[0], padded[-1], len(padded))
    spectrum = np.fft.rfft(padded - line)
    hz = np.fft.rfftfreq(len(padded), HOP / PARTIALS_HZ)
    spectrum *= 1 / (1 + (LOW_HZ / np.maximum(hz, 1e-9)) ** 8) / (1 + (hz / HIGH_HZ) ** 8)
    return np.fft.irfft(spectrum, len(padded))[padding:-padding]


def _faded(gate: Array, width: int) -> Array:
    """`gate`, 0 or 1, with soft edges inside of its ones, and zero at both ends."""
    window = np.hanning(2 * width + 3)[1:-1]
    zeros = np.pad(1.0 - gate, width, constant_values=1.0)
    soft = np.convolve(zeros, window / window.sum(), "valid")
    faded = np.clip(1.0 - 2 * soft, 0.0, 1.0)
    faded[[0, -1]] = 0.0
    return faded


def wow(blocks: Iterator[Wave], sample_rate_hz: int, *, profile: Wow) -> Iterator[Wave]:
    """The same number of samples, at an even speed as far as `learn` found it uneven.

    blocks: `(channel, time)` of any length, from the beginning of the recording.
    """
    if not profile:
        yield from blocks
        return
    table = _sinc_table()
    context = int(np.ceil(FARTHEST_S * sample_rate_hz)) + TAPS
    start = 0
    for window in windows(in_blocks(blocks, CORE), context):
        length = window.shape[1] - 2 * context
        place_s = (start + np.arange(length)) / sample_rate_hz
        # What should be heard at `place_s` was recorded where time and displacement add up to it.
        late_s = np.zeros(length)
        for _ in range(4):
            late_s = _cubic(profile.displaced_s, (place_s - late_s) / profile.hop_s)
        wave = window[:, context : context + length]
        moved = late_s != 0
        if moved.any():
            at = context + np.arange(length) - late_s * sample_rate_hz
            wave = np.where(moved, _read(window, at, table), wave).astype(np.float32)
        yield wave
        start += length


def _cubic(values: Array, at: Array) -> Array:
    """`values` between their places 0, 1 ..., by the cubics of Catmull and Rom."""
    place = np.clip(np.floor(at).astype(np.int64), 0, len(values) - 1)
    part = np.clip(at - place, 0.0, 1.0)
    last = len(values) - 1
    a, b, c, d = (values[np.clip(place + n, 0, last)] for n in (-1, 0, 1, 2))
    return b + part / 2 * (
        c - a + part * (2 * a - 5 * b + 4 * c - d + part * (3 * (b - c) + d - a))
    )


def _sinc_table() -> Array:
    """Taps of a windowed sinc, `(PHASES + 1, TAPS)`, for places from 0 to 1 after a sample."""
    part = np.arange(PHASES + 1)[:, None] / PHASES
    away = np.arange(TAPS) - (TAPS // 2 - 1) - part
    window = np.i0(9.0 * np.sqrt(np.clip(1 - (away / (TAPS / 2)) ** 2, 0, 1))) / np.i0(9.0)
    taps: Array = np.sinc(away) * window
    return taps / taps.sum(1, keepdims=True)


def _read(wave: Wave, at: Array, table: Array) -> Array:
    """`wave`, `(channel, time)`, at places between its samples: `(channel, place)`."""
    whole = np.floor(at).astype(np.int64)
    phase = (at - whole) * PHASES
    row = phase.astype(np.int64)
    rest = phase - row
    found = np.zeros((len(wave), len(at)))
    for n in range(TAPS):
        tap = (1 - rest) * table[row, n] + rest * table[row + 1, n]
        found += tap * wave[:, whole + (n - TAPS // 2 + 1)]
    return found
