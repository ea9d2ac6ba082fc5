"""The key from pitch classes, by how well they follow the profile of each of the 24 keys.

The correlation is the mean of those with three pairs of profiles: C. Krumhansl and E. Kessler
(Psychological Review 89(4), 1982), D. Temperley (What's key for key?, Music Perception 17(1), 1999)
and J. Albrecht and D. Shanahan (The use of large corpora to train a new type of key-finding
algorithm, Music Perception 31(1), 2013). The confidence is the share of the best key where each
counts by the exponential of its correlation: low where its relative or its parallel is as near.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from unweave.apps.analyze.chains import viterbi
from unweave.apps.analyze.events import Event
from unweave.apps.analyze.features import STEPS, TONES_HZ, Array, ToneTrack
from unweave.apps.analyze.rhythm import folded

NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
PROFILES = (
    (
        (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    ),
    (
        (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0),
        (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0),
    ),
    (
        (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
        (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
    ),
)
SHARP = 20.0  # e-folds of a key's weight with its correlation
AROUND_S = 12.0  # of the pitch classes that say the key of a moment
STEP_S = 1.0
CHANGE_COST = 40.0  # nats: about what ten seconds in another key weigh


def tuning(tones: ToneTrack) -> int:
    """By how many steps of a third of a semitone A lies above 440 Hz: -1, 0 or 1."""
    sums = tones.chroma.astype(np.float64).sum(0).reshape(12, STEPS).sum(0)
    return int(np.roll(sums, 1).argmax()) - 1


def keys(tones: ToneTrack) -> tuple[Event | None, list[Event]]:
    """The key of the whole, and the keys from time to time; none where nothing sounds.

    A value is as `C major` or `F# minor`.
    """
    pitch = folded(tones.chroma, tuning(tones)) + 0.5 * folded(tones.bass, tuning(tones))
    if not np.any(pitch > 0):
        return None, []
    duration_s = len(pitch) / TONES_HZ
    fits = correlations(pitch.sum(0)[None])[0]
    best = int(fits.argmax())
    whole = Event(0.0, duration_s, named(best), float(shares(fits)[best]))
    step, reach = round(STEP_S * TONES_HZ), round(AROUND_S * TONES_HZ / 2)
    sums = np.concatenate([np.zeros((1, 12)), np.cumsum(pitch, axis=0)])
    middles = np.arange(0, len(pitch), step)
    first, last = np.maximum(middles - reach, 0), np.minimum(middles + reach + 1, len(pitch))
    each = correlations(sums[last] - sums[first])
    cost = CHANGE_COST * (1 - np.eye(24))
    way = viterbi(SHARP * each, cost)
    edges = np.flatnonzero(np.diff(way, prepend=-1, append=-1))
    found = []
    for start, end in pairwise(edges.tolist()):
        inside = sums[last[end - 1]] - sums[first[start]]
        sure = shares(correlations(inside[None])[0])[way[start]]
        end_s = duration_s if end == len(way) else end * STEP_S
        found.append(
            Event(float(start * STEP_S), float(end_s), named(int(way[start])), float(sure))
        )
    return whole, found


def correlations(pitch: Array) -> Array:
    """Of pitch classes `(time, 12)` with each key `(time, 24)`: C major to B major, then minor."""
    rows = _standard(pitch)
    total = np.zeros((len(pitch), 24))
    for pair in PROFILES:
        turned = [np.roll(profile, tonic) for profile in pair for tonic in range(12)]
        total += rows @ _standard(np.array(turned)).T / 12
    return total / len(PROFILES)


def shares(fits: Array) -> Array:
    """Of each of 24 keys, summing to one."""
    weights = np.exp(SHARP * (fits - fits.max()))
    return weights / weights.sum()


def named(key: int) -> str:
    return f"{NAMES[key % 12]} {'major' if key < 12 else 'minor'}"


def _standard(rows: Array) -> Array:
    centred = rows - rows.mean(1, keepdims=True)
    return centred / np.maximum(centred.std(1, keepdims=True), 1e-12)
