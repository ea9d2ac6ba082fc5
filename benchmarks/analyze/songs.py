"""Composed songs of which all is known: tempo, metre, key, chords, and each instrument by itself.

Each is written as MIDI by its seed and rendered by FluidSynth (`rendered`), drums, bass and the
rest apart, with a voice of MIR-1K laid over: so the stems are known too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from benchmarks.analyze.rendered import DRUM_CHANNEL, Hit, render

RATE_HZ = 44_100
FIRST_S = 0.5
SECONDS = 22.0
NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
# Degrees of the scale, one chord for each bar; the first and the last make the tonic plain.
PROGRESSIONS = (
    (0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 0), (0, 3, 0, 4), (0, 5, 1, 4), (0, 2, 3, 4),
)  # fmt: skip
PADS = (0, 4, 19, 24, 26, 48, 52, 88)  # General MIDI: pianos, organ, guitars, strings, choir, pad
BASSES = (32, 33, 34, 38)
KICK, SNARE, HAT = 36, 38, 42
DRIFT = 0.03  # of the tempo, either way
WITHOUT_DRUMS = 3  # every so many songs
VOICE_DB = -3.0  # of the voice, to the rest


@dataclass(frozen=True)
class Song:
    """A song and its truth. stems: files of drums, bass, other and vocals, which sum to `mix`."""

    name: str
    mix: Path
    stems: dict[str, Path]
    bpm: float
    metre: int
    key: str
    beats_s: np.ndarray
    downbeats_s: np.ndarray


def songs(folder: Path, voices: Sequence[Path], count: int) -> list[Song]:
    """Make the songs, or take those that are there. voices: clips of MIR-1K, voice on the right."""
    return [_song(folder / f"song-{seed}", voices, seed) for seed in range(count)]


def _song(folder: Path, voices: Sequence[Path], seed: int) -> Song:
    rng = np.random.default_rng(seed)
    bpm = float(rng.integers(68, 156))
    metre = 3 if seed % 4 == 3 else 4
    tonic, minor = int(rng.integers(12)), bool(seed % 2)
    scale = MINOR if minor else MAJOR
    progression = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]
    beat_s = 60 / bpm
    bars = max(6, round(SECONDS / (metre * beat_s)))
    # A band drifts by some per cent over the song.
    drift = DRIFT * np.sin(2 * np.pi * (np.arange(bars * metre) / (bars * metre) + rng.random()))
    beats_s = FIRST_S + np.concatenate([[0.0], np.cumsum(beat_s * (1 + drift))[:-1]])
    parts: dict[str, list[Hit]] = {"drums": [], "bass": [], "other": []}
    style = int(rng.integers(3))
    for n, at_s in enumerate(beats_s.tolist()):
        bar, place = divmod(n, metre)
        degree = progression[bar % len(progression)]
        chord = [tonic + 12 * ((degree + k) // 7) + scale[(degree + k) % 7] for k in (0, 2, 4)]
        if seed % WITHOUT_DRUMS != WITHOUT_DRUMS - 1 or n == 0:
            _drums(parts["drums"], rng, at_s, beat_s, place, metre, style)
        if place == 0 or rng.random() < 0.45:
            note = 36 + chord[0 if place == 0 else int(rng.choice([0, 0, 2]))] % 12
            parts["bass"].append(Hit(_human(rng, at_s), 0.9 * beat_s, note, 95, 1))
        if place == 0 or (style == 1 and rng.random() < 0.7):
            length_s = beat_s * (metre - place if style != 1 else 0.8)
            for note in chord:
                parts["other"].append(Hit(_human(rng, at_s), length_s, 60 + note % 12, 75, 0))
        if style == 2:  # broken chords in quavers
            for half in (0, 1):
                note = 72 + chord[(2 * place + half) % 3] % 12
                start_s = _human(rng, at_s + half * beat_s / 2)
                parts["other"].append(Hit(start_s, beat_s / 2, note, 65, 2))
    programs = {0: int(rng.choice(PADS)), 1: int(rng.choice(BASSES)), 2: int(rng.choice(PADS[:5]))}
    folder.mkdir(parents=True, exist_ok=True)
    stems = {name: folder / "stems" / f"{name}.wav" for name in (*parts, "vocals")}
    mix = folder / f"{folder.name}.wav"
    if not mix.exists():
        end_s = float(beats_s[-1]) + beat_s
        _render(parts, programs, stems, mix, voices, seed, end_s)
    named = f"{NAMES[tonic]} {'minor' if minor else 'major'}"
    return Song(folder.name, mix, stems, bpm, metre, named, beats_s, beats_s[::metre])


def _drums(
    hits: list[Hit],
    rng: np.random.Generator,
    at_s: float,
    beat_s: float,
    place: int,
    metre: int,
    style: int,
) -> None:
    def hit(number: int, velocity: int, later: float = 0.0) -> None:
        start_s = _human(rng, at_s + later * beat_s)
        hits.append(Hit(start_s, 0.1, number, velocity, DRUM_CHANNEL))

    if (place == 0 and (style != 2 or rng.random() < 0.7)) or (metre == 4 and place == 2):
        hit(KICK, 110)
    if metre == 4 and place in (1, 3):
        hit(SNARE, 105)
    elif metre == 3 and place and rng.random() < 0.7:
        hit(SNARE, 70)
    hit(HAT, 75)
    if style != 1:
        hit(HAT, 55, 0.5)
    if rng.random() < (0.15, 0.15, 0.5)[style]:  # syncopated
        hit(KICK, 100, 0.5)


def _human(rng: np.random.Generator, at_s: float) -> float:
    """A time as a player keeps it."""
    return max(0.0, at_s + float(rng.normal(0, 0.006)))


def _render(
    parts: dict[str, list[Hit]],
    programs: dict[int, int],
    stems: dict[str, Path],
    mix: Path,
    voices: Sequence[Path],
    seed: int,
    end_s: float,
) -> None:
    """Render everything, up to the end of the last bar."""
    mix.with_name("stems").mkdir(exist_ok=True)
    waves = {}
    for name, hits in parts.items():
        used = {} if name == "drums" else programs
        path = render(hits, used, stems[name])
        wave = soundfile.read(path, always_2d=True, dtype="float32")[0]
        waves[name] = wave[: round(end_s * RATE_HZ)]
    length = max(map(len, waves.values()))
    band = sum(np.pad(wave, ((0, length - len(wave)), (0, 0))) for wave in waves.values())
    sung = _voice(voices, seed, length)
    level = np.sqrt(np.mean(band**2) / np.mean(sung**2)) * 10 ** (VOICE_DB / 20)
    waves["vocals"] = np.repeat(level * sung[:, None], 2, axis=1)
    scale = 0.5 / np.abs(band + waves["vocals"]).max()
    total = np.zeros((length, 2), np.float32)
    for name, wave in waves.items():
        whole = (scale * np.pad(wave, ((0, length - len(wave)), (0, 0)))).astype(np.float32)
        soundfile.write(stems[name], whole, RATE_HZ, subtype="FLOAT")
        total += whole
    soundfile.write(mix, total, RATE_HZ, subtype="FLOAT")


def _voice(voices: Sequence[Path], seed: int, length: int) -> np.ndarray:
    """Clips of one singer after another, `(time,)` at RATE_HZ, with two seconds before them."""
    import soxr

    parts, at = [np.zeros(2 * RATE_HZ)], seed
    while sum(map(len, parts)) < length:
        wave, rate_hz = soundfile.read(voices[at % len(voices)], always_2d=True)
        parts.append(soxr.resample(wave[:, 1], rate_hz, RATE_HZ))
        at += 7
    return np.concatenate(parts)[:length].astype(np.float32)
