"""Tracks made of numbers, for tests: no files, the same samples everywhere, a few seconds long.

Each track has a melody with vibrato (vocals), hits of noise (drums), low tones (bass) and chords
(other); the vocals are in the middle, the others more to one side. Samples lie on the grid of 16
bits, so that no rounding differs between machines and the stems add up to the mix exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unweave.datasets import _find
from unweave.datasets.track import BSS_EVAL_V4, About, Part, Sum, Track
from unweave.types import Wave

STEMS = ("vocals", "drums", "bass", "other")
SPLITS = ("train", "test")
ABOUT = About(
    stems=STEMS,
    splits=SPLITS,
    layout="no files",
    protocol=BSS_EVAL_V4,
    licence="none needed",
    obtain="made when used",
    counts={"train": (4,), "test": (2,)},
    needs_root=False,
)
_PAN = {"vocals": 0.5, "drums": 0.45, "bass": 0.55, "other": 0.3}
_STEP = 2.0**-15


@dataclass(frozen=True, slots=True)
class Made:
    """One stem of one track, computed when it is read."""

    stem: str
    seed: int
    number: int
    samples: int
    channels: int
    sample_rate_hz: int

    def read(self, start: int, length: int) -> Wave:
        rng = np.random.default_rng([self.seed, self.number, STEMS.index(self.stem)])
        time_s = np.arange(self.samples) / self.sample_rate_hz
        sound = _SOUNDS[self.stem](time_s, rng)
        pan = _PAN[self.stem]
        gains = [1.0] if self.channels == 1 else np.linspace(1 - pan, pan, self.channels)
        wave = np.array([gain * sound for gain in gains])
        wave = np.rint(0.2 * wave / _STEP) * _STEP
        return wave[:, start : start + length].astype(np.float32)

    def parts(self) -> tuple[Part, ...]:
        return ()


def tracks(root: Path | None = None, split: str | None = None) -> list[Track]:
    """Four tracks to train on and two to test on, stereo at 44.1 kHz; `root` is not looked at."""
    _find.check_split("synthetic", split, SPLITS)
    train, test = make(4, split="train"), make(2, seed=1, split="test")
    return {"train": train, "test": test}[split] if split else [*train, *test]


def make(
    count: int,
    *,
    duration_s: float = 3.0,
    sample_rate_hz: int = 44100,
    channels: int = 2,
    seed: int = 0,
    split: str = "test",
) -> list[Track]:
    """`count` tracks, each a little longer than the one before. Same arguments, same samples."""
    listed = []
    for number in range(count):
        samples = round(duration_s * sample_rate_hz) + 101 * number
        sources = {
            stem: Made(stem, seed, number, samples, channels, sample_rate_hz) for stem in STEMS
        }
        listed.append(
            Track(
                name=f"{split} {number + 1}",
                split=split,
                sample_rate_hz=sample_rate_hz,
                channels=channels,
                samples=samples,
                stems=STEMS,
                files=(),
                mixture=Sum(tuple(sources.values())),
                sources=sources,
            )
        )
    return listed


def _vocals(time_s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A tone with four partials that changes its pitch twice a second, with breath between."""
    notes = rng.choice([220.0, 247.0, 262.0, 294.0, 330.0, 392.0], size=_beats(time_s, 2.0))
    beat, phase = _within(time_s, 2.0)
    pitch_hz = notes[beat] * (1 + 0.01 * np.sin(2 * np.pi * 5.5 * time_s))
    turn = 2 * np.pi * np.cumsum(pitch_hz) * (time_s[1] if len(time_s) > 1 else 0.0)
    tone = sum(np.sin(partial * turn) / partial for partial in (1, 2, 3, 4))
    return np.asarray(tone * np.sin(np.pi * np.minimum(1.0, phase / 0.8)) ** 2)


def _drums(time_s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Bursts of noise that die away, four times a second, each of another strength."""
    strength = rng.uniform(0.3, 1.5, size=_beats(time_s, 4.0))
    beat, phase = _within(time_s, 4.0)
    return np.asarray(strength[beat] * np.exp(-6 * phase) * rng.standard_normal(len(time_s)))


def _bass(time_s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A low tone once a second."""
    notes = rng.choice([55.0, 62.0, 73.0, 82.0], size=_beats(time_s, 1.0))
    beat, phase = _within(time_s, 1.0)
    return np.asarray(np.sin(2 * np.pi * notes[beat] * phase) * np.exp(-2 * phase))


def _other(time_s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A chord that stays, with a faint hiss."""
    chord = rng.choice([523.0, 587.0, 659.0, 784.0, 880.0, 1047.0], size=3, replace=False)
    tones = sum(np.sin(2 * np.pi * note * time_s + rng.uniform(0, 6)) for note in chord)
    return np.asarray(0.4 * tones + 0.02 * rng.standard_normal(len(time_s)))


def _beats(time_s: np.ndarray, rate_hz: float) -> int:
    return int(len(time_s) and time_s[-1] * rate_hz) + 1


def _within(time_s: np.ndarray, rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """The number of the beat that each moment is in, and how far in it is, 0 to 1."""
    position = time_s * rate_hz
    beat = np.floor(position).astype(int)
    return beat, position - beat


_SOUNDS = {"vocals": _vocals, "drums": _drums, "bass": _bass, "other": _other}
