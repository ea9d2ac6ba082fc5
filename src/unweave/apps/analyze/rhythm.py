"""Tempo, beats, bars and metre from onset strengths and pitch classes: pure functions on features.

The period of the beat is the smoothest way through the autocorrelation of the onsets of some
seconds; beats are where onsets are strong and one such period apart (D. Ellis, Beat tracking by
dynamic programming, Journal of New Music Research 36(1), 2007). Bars begin where harmony changes
and the bass drum sounds more than the snare: a hidden Markov model of the place in the bar, whose
posterior is the confidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unweave.apps.analyze.chains import posteriors, viterbi
from unweave.apps.analyze.events import Event
from unweave.apps.analyze.features import PULSE_HZ, STEPS, TONES_HZ, Array, PulseTrack, ToneTrack

SLOWEST_BPM, FASTEST_BPM = 45.0, 215.0
TEMPOS_BPM = np.geomspace(FASTEST_BPM, SLOWEST_BPM, 140)
USUAL_BPM, SPREAD_OCTAVES = 112.0, 0.75
WINDOW_S, STEP_S = 8.0, 1.0
MULTIPLES = 4  # of the period at which the autocorrelation counts
CLEAR = 6.0  # nats that a period gains from none to all of the autocorrelation
RIVALS = (1 / 3, 1 / 2, 2 / 3, 3 / 4, 4 / 3, 3 / 2, 2.0, 3.0)  # of a tempo: what is mistaken for it
SAME_OCTAVES = 0.04  # within which two tempos are one
CHANGE_COST = 12.0  # of a tempo that changes by an octave from a window to the next
TIGHT = 60.0  # how much a beat that is early or late costs
MIX_SHARE = 0.5  # of its onsets beside those of the drums
METRES = (3, 4)
SHORTEST_BEATS = 8  # below which no bars are looked for
INDEPENDENT = 0.5  # share of an accent that the others do not tell already
SLIP = 0.002  # how probably a beat is left out of a bar, or put in
LOOK_S = 0.35  # before and after a beat, within which harmony is compared
SPAN = 8  # beats over which the tempo is taken
LATE_S = 0.005  # by which an onset's frame comes before the onset


@dataclass(frozen=True)
class Rhythm:
    """beats: the place in the bar, from 1, with the confidence of that place in `downbeat`; 0 where
    bars are not known. tempo_bpm: the median; None without beats. metre: beats of a bar."""

    beats: tuple[Event, ...] = ()
    downbeats: tuple[Event, ...] = ()
    tempo_bpm: float | None = None
    tempo_confidence: float = 0.0
    metre: int | None = None
    metre_confidence: float = 0.0


def rhythm(
    pulses: tuple[PulseTrack, PulseTrack], tones: ToneTrack, least_bars: float = 0.0
) -> Rhythm:
    """Everything about time. least_bars: the confidence in the metre below which no bars are told.

    pulses: of the drums and of the mix, which says the beat where drums pause. All are of one
    recording from the same time on.
    """
    drums, mix = pulses
    onsets = (whitened(drums.all) + MIX_SHARE * whitened(mix.all)) / (1 + MIX_SHARE)
    if len(onsets) < WINDOW_S * PULSE_HZ / 2 or not np.any(onsets > 0):
        return Rhythm()
    period, clarity, score = periods(onsets)
    at = beats(onsets, period)
    if len(at) < 4:
        return Rhythm()
    sure = beat_confidence(onsets, at, period, clarity)
    times_s = np.maximum(0.0, _between_frames(onsets, at) / PULSE_HZ + LATE_S)
    span = min(SPAN, len(at) - 1)
    lengths_s = (times_s[span:] - times_s[:-span]) / span
    tempo = 60 / _median(lengths_s, (sure[span:] + sure[:-span]) / 2)
    steady = np.mean(np.abs(60 / np.diff(times_s) / tempo - 1) < 0.08)
    places, first, metre, metre_sure = bars(accents(at, drums, tones))
    known = metre is not None and metre_sure >= least_bars
    found = [
        Event(float(t), float(t), int(place) if known else 0, float(p))
        for t, place, p in zip(times_s, places, sure, strict=True)
    ]
    downs = [
        Event(float(t), float(t), 1, float(min(p, q, metre_sure)))
        for t, place, p, q in zip(times_s, places, sure, first, strict=True)
        if known and place == 1
    ]
    return Rhythm(
        tuple(found),
        tuple(downs),
        float(tempo),
        float(np.clip(np.mean(sure) * steady * against_rivals(score, tempo), 0, 1)),
        metre if known else None,
        metre_sure,
    )


def whitened(strength: Array | np.ndarray) -> Array:
    """Onset strengths above their mean of a second, in units of their deviation over some
    seconds."""
    values = np.asarray(strength, np.float64)
    above = np.maximum(values - _mean_around(values, round(0.5 * PULSE_HZ)), 0.0)
    around = round(6 * PULSE_HZ)
    spread = np.sqrt(_mean_around(above**2, around))
    floor = 0.1 * float(np.sqrt(np.mean(above**2))) + 1e-9
    return above / np.maximum(spread, floor)


def periods(onsets: Array) -> tuple[Array, Array, Array]:
    """The beat's period at each frame, in frames, how clear it is there (0 to 1), and how well each
    of TEMPOS_BPM fits the whole, `(tempo,)`, in nats."""
    candidates = PULSE_HZ * 60 / TEMPOS_BPM
    prior = -0.5 * (np.log2(TEMPOS_BPM / USUAL_BPM) / SPREAD_OCTAVES) ** 2
    size, step = round(WINDOW_S * PULSE_HZ), round(STEP_S * PULSE_HZ)
    padded = np.pad(onsets, (size // 2, size))
    starts = np.arange(0, len(onsets), step)
    clarity = np.stack([_clarity(padded[at : at + size], candidates) for at in starts])
    score = CLEAR * clarity + prior
    octaves = np.log2(candidates)
    cost = CHANGE_COST * np.abs(octaves[:, None] - octaves[None, :])
    way = viterbi(score, cost)
    here = np.arange(len(starts))
    frames = np.arange(len(onsets))
    period = 2 ** np.interp(frames, starts, octaves[way])
    return period, np.clip(np.interp(frames, starts, clarity[here, way]), 0, 1), score.mean(0)


def against_rivals(score: Array, tempo_bpm: float) -> float:
    """How probably the tempo is this one rather than the best of its half, double, third and so on,
    0 to 1: a half where one fits as well. score: of each of TEMPOS_BPM, in nats."""

    def fit(bpm: float) -> float:
        near = np.abs(np.log2(TEMPOS_BPM / bpm)) < SAME_OCTAVES
        return float(score[near].max()) if near.any() else -np.inf

    best = max(fit(ratio * tempo_bpm) for ratio in RIVALS)
    return float(1 / (1 + np.exp(np.clip(best - fit(tempo_bpm), -50, 50))))


def _clarity(window: Array, candidates: Array) -> Array:
    """How periodic a window is at each period: the mean autocorrelation at its multiples."""
    size = len(window)
    tapered = window * np.hanning(size)
    tapered -= tapered.mean()
    spectrum = np.fft.rfft(tapered, 2 * size)
    found = np.fft.irfft(np.abs(spectrum) ** 2)[:size]
    if found[0] <= 1e-9:
        return np.zeros(len(candidates))
    taper = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(size), 2 * size)) ** 2)[:size]
    found = found / found[0] * np.minimum(taper[0] / np.maximum(taper, 1e-3 * taper[0]), 8.0)
    total, weights = np.zeros(len(candidates)), np.zeros(len(candidates))
    for n in range(1, MULTIPLES + 1):
        lag = n * candidates
        inside = lag < 0.75 * size
        total += np.where(inside, np.interp(lag, np.arange(size), found), 0.0) / n
        weights += inside / n
    return np.maximum(total / np.maximum(weights, 1.0), 0.0)


def beats(onsets: Array, period: Array) -> np.ndarray:
    """The frames of the beats, `(beat,)`."""
    count = len(onsets)
    best, back = onsets.copy(), np.full(count, -1)
    strength = _blurred(onsets)
    for at in range(count):
        p = period[at]
        first, last = max(0, at - round(2 * p)), at - round(p / 2)
        if last < first:
            best[at] = strength[at]
            continue
        late = np.log(np.arange(at - first, at - last - 1, -1) / p)
        values = best[first : last + 1] - TIGHT * late**2
        most = int(values.argmax())
        best[at] = strength[at]
        if values[most] > 0:
            best[at] += values[most]
            back[at] = first + most
    tail = max(1, round(period[-1]))
    at = count - tail + int(best[-tail:].argmax())
    found = []
    while at >= 0:
        found.append(at)
        at = back[at]
    way = np.array(found[::-1])
    return _between_sounds(way, onsets)


def _between_sounds(at: np.ndarray, onsets: Array) -> np.ndarray:
    """Beats from the first to the last onset: silence at the ends has none."""
    sounds = np.flatnonzero(onsets > 0.5)
    if not len(sounds):
        return at[:0]
    return at[(at >= sounds[0] - 3) & (at <= sounds[-1] + 3)]


def beat_confidence(onsets: Array, at: np.ndarray, period: Array, clarity: Array) -> Array:
    """0 to 1 for each beat: how periodic the sound is around it, and how much of what begins
    around it begins on beats rather than a quarter of a period away."""
    strength = _blurred(onsets)
    frames = np.arange(len(onsets))
    on = strength[at]
    off = [
        np.interp(at + part * period[at], frames, strength) for part in (-0.25, 0.25, -0.38, 0.38)
    ]
    apart = np.mean(off, axis=0)
    around = np.ones(9) / 9
    on_mean = np.convolve(np.pad(on, 4, mode="edge"), around, "valid")
    off_mean = np.convolve(np.pad(apart, 4, mode="edge"), around, "valid")
    contrast = on_mean / np.maximum(on_mean + off_mean, 1e-9)
    return np.clip(
        np.sqrt(np.clip(2 * contrast - 1, 0, 1) * np.clip(1.6 * clarity[at], 0, 1)), 0, 1
    )


def accents(at: np.ndarray, pulse: PulseTrack, tones: ToneTrack) -> Array:
    """How much each beat is like the first of a bar, `(beat,)`: zero on average."""
    low, high = (_around(whitened(part), at) for part in (pulse.low, pulse.high))
    chroma, bass = (folded(part) for part in (tones.chroma, tones.bass))
    change = _change(chroma, at) + _change(bass, at)
    return _standard(change) + 0.5 * _standard(low) - 0.5 * _standard(high)


def folded(steps: np.ndarray, tuning: int = 0) -> Array:
    """`(frame, 12 * STEPS)` to `(frame, 12)`. tuning: by how many steps A lies above 440 Hz."""
    turned = np.roll(np.asarray(steps, np.float64), STEPS // 2 - tuning, axis=1)
    return turned.reshape(len(steps), 12, STEPS).sum(-1)


def _change(classes: Array, at: np.ndarray) -> Array:
    """How different pitch classes are before and after each beat: 0 to 1."""
    sums = np.concatenate([np.zeros((1, classes.shape[1])), np.cumsum(classes, axis=0)])
    here = at / PULSE_HZ * TONES_HZ
    reach = LOOK_S * TONES_HZ
    frames = len(classes)

    def mean(start: Array, end: Array) -> Array:
        a = np.clip(np.round(start), 0, frames).astype(int)
        b = np.clip(np.round(end), 0, frames).astype(int)
        return (sums[b] - sums[a]) / np.maximum(b - a, 1)[:, None]

    length = np.maximum(reach, np.gradient(here)) if len(here) > 1 else np.full(len(here), reach)
    before, after = mean(here - length, here - 0.5), mean(here + 1.0, here + length + 0.5)
    norms = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    alike = np.sum(before * after, axis=1) / np.maximum(norms, 1e-9)
    return np.where(norms > 0, 1 - alike, 0.0)


def bars(accent: Array) -> tuple[np.ndarray, Array, int | None, float]:
    """The place of each beat in its bar, how probably it is the first, the beats of a bar, and how
    sure that number is.

    accent: `(beat,)`. The metre whose model makes the accents more probable is taken. The
    confidence is its share among all metres and accents without any. No metre for a few beats only.
    """
    if len(accent) < SHORTEST_BEATS:
        return np.zeros(len(accent), int), np.zeros(len(accent)), None, 0.0
    found = [_placed(accent, metre) for metre in METRES]
    none = float(np.sum(-0.5 * INDEPENDENT * accent**2))
    each = np.array([*(likely for *_, likely in found), none])
    shares = np.exp(each - each.max())
    shares /= shares.sum()
    most = int(shares[:-1].argmax())
    places, first, _ = found[most]
    return places, first, METRES[most], float(shares[most])


def _placed(accent: Array, metre: int) -> tuple[np.ndarray, Array, float]:
    """Places, the posterior of the first, and the log likelihood of one metre.

    Accents are normal with deviation one, their mean one on the first beat of a bar and less than
    zero on all others.
    """
    on, off = 1.0, -1.0 / (metre - 1)
    means = np.where(np.arange(metre) == 0, on, off)
    score = -0.5 * INDEPENDENT * (accent[:, None] - means) ** 2
    step = np.full((metre, metre), SLIP / (metre - 1))
    for place in range(metre):
        step[place, (place + 1) % metre] = 1 - SLIP
    posterior, total = posteriors(score, step)
    way = viterbi(score, -np.log(step).T)
    return way + 1, posterior[np.arange(len(way)), 0], total


def _between_frames(onsets: Array, at: np.ndarray) -> Array:
    """Where the parabola through the onset strength at each beat and beside it is the highest."""
    padded = np.pad(_blurred(onsets), 1)
    left, middle, right = padded[at], padded[at + 1], padded[at + 2]
    bend = left - 2 * middle + right
    top = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, -1.0), 0.0)
    return at + np.clip(top, -0.5, 0.5)


def _standard(values: Array) -> Array:
    spread = float(values.std())
    return (values - values.mean()) / spread if spread > 1e-9 else np.zeros(len(values))


def _around(strength: Array, at: np.ndarray) -> Array:
    """The largest value within two frames of each place."""
    padded = np.pad(strength, 2)
    return np.max([padded[at + n] for n in range(5)], axis=0)


def _blurred(onsets: Array) -> Array:
    """Onsets that are a frame off still count."""
    return np.convolve(np.pad(onsets, 2), [0.25, 0.7, 1.0, 0.7, 0.25], "valid")


def _mean_around(values: Array, reach: int) -> Array:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    first = np.maximum(np.arange(len(values)) - reach, 0)
    last = np.minimum(np.arange(len(values)) + reach + 1, len(values))
    return (sums[last] - sums[first]) / (last - first)


def _median(values: Array, weights: Array) -> float:
    order = np.argsort(values)
    sums = np.cumsum(weights[order] + 1e-9)
    return float(values[order][np.searchsorted(sums, sums[-1] / 2)])
