"""A song of which everything is known: chords, bass, drums and a melody, on an exact grid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 22_050
CHORDS = ((48, 52, 55), (45, 48, 52), (41, 45, 48), (43, 47, 50))  # C, Am, F, G
FIRST_S = 0.3
MELODY = (69, 72, 76, 74)


@dataclass(frozen=True)
class Song:
    """Waves `(time,)` at RATE_HZ, and the truth."""

    band: np.ndarray
    drums: np.ndarray
    voice: np.ndarray
    beats_s: np.ndarray
    downbeats_s: np.ndarray
    bass: list[int]

    @property
    def mix(self) -> np.ndarray:
        return self.band + self.drums + self.voice


def tone(midi: float, seconds: float, decay: float = 1.0, rate_hz: int = RATE_HZ) -> np.ndarray:
    """Four harmonics that fade."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    hz = 440 * 2 ** ((midi - 69) / 12)
    wave = sum(np.sin(2 * np.pi * n * hz * time_s) / n for n in range(1, 5))
    return (0.1 * wave * np.exp(-decay * time_s)).astype(np.float32)


def song(bpm: float = 120.0, metre: int = 4, bars: int = 6) -> Song:
    """Each bar has a chord and its root; the bass drum is on one, the snare on the weak beats."""
    beat_s = 60 / bpm
    length = round((FIRST_S + bars * metre * beat_s + 0.5) * RATE_HZ)
    band, drums, voice = (np.zeros(length, np.float32) for _ in range(3))
    rng = np.random.default_rng(0)
    beats_s = FIRST_S + beat_s * np.arange(bars * metre)
    hit = np.arange(round(0.1 * RATE_HZ)) / RATE_HZ
    kick = 0.7 * np.sin(2 * np.pi * 60 * hit) * np.exp(-35 * hit)
    bass = []
    for n, start_s in enumerate(beats_s):
        if n % metre == 0:
            chord = CHORDS[n // metre % len(CHORDS)]
            bass.append(chord[0] - 12)
            for midi in (*(note + 12 for note in chord), bass[-1]):
                _add(band, start_s, tone(midi, metre * beat_s, 0.8))
            _add(drums, start_s, kick)
        else:
            snare = rng.standard_normal(len(hit)) * np.exp(-40 * hit)
            _add(drums, start_s, (0.2 if n % metre % 2 else 0.1) * snare)
        if n >= metre:
            _add(voice, start_s, 2 * tone(MELODY[n % len(MELODY)], 0.9 * beat_s))
    return Song(band, drums, voice, beats_s, beats_s[::metre], bass)


def _add(wave: np.ndarray, start_s: float, part: np.ndarray) -> None:
    at = round(start_s * RATE_HZ)
    here = wave[at : at + len(part)]
    here += part[: len(here)].astype(np.float32)


def write_song(folder: Path, truth: Song) -> Path:
    """A recording of the song, and its stems in the folder `stems` beside it."""
    (folder / "stems").mkdir()
    for name, wave in (("vocals", truth.voice), ("drums", truth.drums), ("other", truth.band)):
        write(folder / "stems" / f"{name}.wav", wave)
    return write(folder / "song.wav", truth.mix)


def write(path: Path, wave: np.ndarray) -> Path:
    """Stereo, the right channel half as loud."""
    soundfile.write(path, np.stack([wave, 0.5 * wave], axis=1), RATE_HZ, subtype="FLOAT")
    return path
