"""What librosa finds on recordings as they are: one JSON document on stdout.

    PYTHON benchmarks/analyze/plain.py FILE...

Tempo and beats by its beat tracker, the key by its chroma and the profiles of Krumhansl and
Kessler, the melody by pYIN, all with librosa's own defaults. It imports nothing of unweave.
"""

from __future__ import annotations

import json
import sys

import librosa
import numpy as np

MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MELODY_HZ = 65.0, 1100.0


def found(path: str) -> dict[str, object]:
    wave, rate_hz = librosa.load(path, sr=22_050)
    tempo, beats = librosa.beat.beat_track(y=wave, sr=rate_hz, units="time")
    pitch = librosa.feature.chroma_stft(y=wave, sr=rate_hz).mean(1)
    fits = {
        f"{NAMES[tonic]} {mode}": float(np.corrcoef(np.roll(profile, tonic), pitch)[0, 1])
        for mode, profile in (("major", MAJOR), ("minor", MINOR))
        for tonic in range(12)
    }
    hz, voiced, _ = librosa.pyin(wave, fmin=MELODY_HZ[0], fmax=MELODY_HZ[1], sr=rate_hz)
    times = librosa.times_like(hz, sr=rate_hz)
    return {
        "tempo": float(np.atleast_1d(tempo)[0]),
        "beats": [float(t) for t in beats],
        "key": max(fits, key=lambda name: fits[name]),
        "melody": [times.tolist(), np.where(voiced, np.nan_to_num(hz), 0.0).tolist()],
    }


if __name__ == "__main__":
    print(json.dumps({path: found(path) for path in sys.argv[1:]}))
