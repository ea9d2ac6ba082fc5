"""Clean recordings, and what is done to them: noise, clicks, clipping. Everything is seeded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.noise import whole
from tests.separators.voices import at_snr, babble

Wave = np.ndarray

SEED = 18  # chooses the recordings and their excerpts
ALONE_S = 1.5  # of noise before the recording
SNRS_DB = (0, 5, 10, 20)
CLICKS_HZ = (1, 10, 50)
CLIPPED = (0.7, 0.5, 0.35, 0.2)  # of the highest sample
SOUNDING = 0.3  # the least level of an excerpt, as a part of its recording's


@dataclass(frozen=True)
class Recording:
    """kind: music or speech. clean: `(time,)`."""

    kind: str
    name: str
    rate_hz: int
    clean: Wave


@dataclass(frozen=True)
class Case:
    """wave: what is to be restored, `(time,)`; its first `alone` samples are the noise alone."""

    recording: Recording
    damage: str
    level: str
    wave: Wave
    alone: int = 0


def chosen(data: Path, seconds: float) -> list[Recording]:
    """One mix of MUSDB18, one song, two recordings of speech: an excerpt of each."""
    rng = np.random.default_rng(SEED)
    mixes, songs = _files(data, "musdb18-7s/train/*.mp4"), _files(data, "songs/*.ogg")
    paths = [("music", some[rng.integers(len(some))]) for some in (mixes, songs)]
    paths += [("speech", path) for path in _files(data, "speech/*.ogg")[:2]]
    return [_excerpt(kind, path, seconds, rng) for kind, path in paths]


def clean(data: Path, seconds: float) -> Iterator[Recording]:
    """Every twelfth mix of MUSDB18, all songs and all speech: an excerpt of each."""
    rng = np.random.default_rng(SEED)
    for kind, files in (
        ("music", _files(data, "musdb18-7s/train/*.mp4")[::12] + _files(data, "songs/*.ogg")),
        ("speech", _files(data, "speech/*.ogg")),
    ):
        for path in files:
            yield _excerpt(kind, path, seconds, rng)


def _files(data: Path, pattern: str) -> list[Path]:
    return sorted(data.glob(pattern))


def _excerpt(kind: str, path: Path, seconds: float, rng: np.random.Generator) -> Recording:
    """In one channel, from a place where the recording is not silent."""
    rate_hz, wave = whole(path)
    wave = wave.mean(0)
    length = min(wave.size, round(seconds * rate_hz))
    while True:
        start = int(rng.integers(wave.size - length + 1))
        part = wave[start : start + length]
        if part.std() > SOUNDING * wave.std():
            return Recording(kind, path.name, rate_hz, part)


def white(length: int, rate_hz: int, seed: int) -> Wave:
    return np.random.default_rng(seed).standard_normal(length).astype(np.float32)


def vinyl(length: int, rate_hz: int, seed: int) -> Wave:
    """Sixty clicks a second of all sizes, and hiss."""
    rng = np.random.default_rng(seed)
    wave = 0.02 * rng.standard_normal(length)
    for at in rng.integers(0, length - 100, round(60 * length / rate_hz)):
        time = np.arange(rng.integers(8, 60))
        shape = np.exp(-4 * time / len(time)) * np.cos(rng.uniform(0.2, 2) * time)
        wave[at : at + len(time)] += rng.exponential() * rng.choice([-1, 1]) * shape
    return wave.astype(np.float32)


def hum(length: int, rate_hz: int, seed: int) -> Wave:
    """50 Hz and its harmonics."""
    rng, time_s = np.random.default_rng(seed), np.arange(length) / rate_hz
    phases = rng.uniform(0, 6, 10)
    waves = (np.sin(100 * np.pi * k * time_s + phases[k]) / k for k in (1, 2, 3, 4, 5, 7, 9))
    return np.sum(list(waves), axis=0).astype(np.float32)


NOISES: dict[str, Callable[[int, int, int], Wave]] = {
    "white": white, "babble": babble, "vinyl": vinyl, "hum": hum
}  # fmt: skip
DAMAGES = (*NOISES, "clicks", "clipped")


def cases(recording: Recording, damage: str, seed: int) -> Iterator[Case]:
    """One kind of damage at all its levels."""
    clean, rate_hz = recording.clean, recording.rate_hz
    if damage in NOISES:
        alone = round(ALONE_S * rate_hz)
        noise = NOISES[damage](alone + clean.size, rate_hz, seed + 3)
        for snr_db in SNRS_DB:
            gain = np.linalg.norm(at_snr(clean, noise[alone:], snr_db))
            wave = (gain / np.linalg.norm(noise[alone:]) * noise).astype(np.float32)
            wave[alone:] += clean
            yield Case(recording, damage, f"{snr_db} dB", wave, alone)
    elif damage == "clicks":
        rng = np.random.default_rng(seed)
        for rate in CLICKS_HZ:
            wave = clean.copy()
            for at in rng.integers(0, wave.size - 20, round(rate * wave.size / rate_hz)):
                size = rng.integers(1, 20)
                shape = rng.standard_normal(size) * np.hanning(size + 2)[1:-1]
                wave[at : at + size] += 0.7 * np.abs(clean).max() * shape.astype(np.float32)
            yield Case(recording, damage, f"{rate} a second", wave)
    else:
        for share in CLIPPED:
            most = share * np.abs(clean).max()
            yield Case(recording, damage, f"at {share:g} of the peak", np.clip(clean, -most, most))
