"""What librosa finds in recordings as they are, with its own defaults. Imports nothing of unweave.

Tempo and beats by its beat tracker; the key by its chroma and the profiles of Krumhansl and
Kessler; chords by templates of the 24 triads and its Viterbi decoder, as in its gallery of
examples; the melody by pYIN. It has nothing for bars, notes and drums.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import librosa
import numpy as np

RATE_HZ = 22_050
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MELODY_HZ = 65.0, 1100.0
STAYS = 0.97  # how probably a chord stays from a frame to the next


def found(path: Path) -> dict[str, Any]:
    """tempo in bpm, beats in seconds, key, chords with start and end, melody `(times, Hz)`."""
    wave, _ = librosa.load(path, sr=RATE_HZ)
    tempo, beats = librosa.beat.beat_track(y=wave, sr=RATE_HZ, units="time")
    chroma = librosa.feature.chroma_cqt(y=wave, sr=RATE_HZ)
    return {
        "tempo": float(np.atleast_1d(tempo)[0]),
        "beats": [float(t) for t in beats],
        "key": _key(chroma),
        "chords": _chords(chroma),
        "melody": melody(wave),
    }


def sung(path: Path) -> list[list[float]]:
    """The melody of a voice by itself: times, and Hz, 0 where none is sung."""
    return melody(librosa.load(path, sr=RATE_HZ)[0])


def melody(wave: np.ndarray) -> list[list[float]]:
    hz, voiced, _ = librosa.pyin(wave, fmin=MELODY_HZ[0], fmax=MELODY_HZ[1], sr=RATE_HZ)
    times = librosa.times_like(hz, sr=RATE_HZ)
    return [times.tolist(), np.where(voiced, np.nan_to_num(hz), 0.0).tolist()]


def _key(chroma: np.ndarray) -> str:
    pitch = chroma.mean(1)
    fits = {
        f"{NAMES[tonic]} {mode}": float(np.corrcoef(np.roll(profile, tonic), pitch)[0, 1])
        for mode, profile in (("major", MAJOR), ("minor", MINOR))
        for tonic in range(12)
    }
    return max(fits, key=lambda name: fits[name])


def _chords(chroma: np.ndarray) -> list[tuple[float, float, str]]:
    names = [f"{name}:{kind}" for kind in ("maj", "min") for name in NAMES]
    triads = [np.isin(np.arange(12), tones).astype(float) for tones in ((0, 4, 7), (0, 3, 7))]
    templates = np.array([np.roll(triad, tonic) for triad in triads for tonic in range(12)])
    likely = np.exp(templates @ librosa.util.normalize(chroma, norm=1, axis=0))
    likely /= likely.sum(0)
    step = librosa.sequence.transition_loop(len(names), STAYS)
    way = librosa.sequence.viterbi_discriminative(likely, step)
    edges = np.flatnonzero(np.diff(way, prepend=-1, append=-1))
    times = librosa.frames_to_time(edges, sr=RATE_HZ)
    return [
        (float(times[n]), float(times[n + 1]), names[way[edges[n]]]) for n in range(len(edges) - 1)
    ]
