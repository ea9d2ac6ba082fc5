"""Speech without a recording: talkers, the babble of many of them, and a little music.

A talker is a train of glottal pulses, or hiss, through four resonators that glide from vowel to
vowel, in syllables with pauses between. It has what noise reduction cares about: harmonics,
onsets, gaps, and a spectrum that never stands still.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import fftconvolve, lfilter, sosfilt

VOWELS_HZ = np.array(
    [
        (730, 1090, 2440, 3400),
        (270, 2290, 3010, 3700),
        (300, 870, 2240, 3300),
        (530, 1840, 2480, 3500),
        (570, 840, 2410, 3300),
    ]
)
WIDTHS_HZ = np.array((80, 100, 140, 200))
STEP_S = 0.005  # the resonators stand still that long


def talker(length: int, rate_hz: int, seed: int) -> np.ndarray:
    """One voice, `(length,)` float32 at 0.1 root mean square while it talks."""
    rng = np.random.default_rng([seed, 1])
    low_hz = rng.uniform(90, 220)
    level, formants, pitch = np.zeros(length), np.zeros((4, length)), np.full(length, low_hz)
    hiss, at = np.zeros(length), int(rng.uniform(0, 0.4) * rate_hz)
    vowel, tone = VOWELS_HZ[0], low_hz
    while at < length:
        size = int(rng.uniform(0.12, 0.35) * rate_hz)
        here = np.arange(at, min(at + size, length))
        place = (here - at) / size
        following = rng.choice(VOWELS_HZ) * rng.uniform(0.9, 1.15)
        formants[:, here] = vowel[:, None] + (following - vowel)[:, None] * place
        goal = low_hz * rng.uniform(0.85, 1.5)
        pitch[here] = tone + (goal - tone) * place
        level[here] = 10 ** rng.uniform(-0.3, 0.1) * np.sin(np.pi * place) ** 0.4
        if rng.random() < 0.3:  # a consonant
            hiss[here] = level[here] * (place < 0.35)
        vowel, tone, at = following, goal, at + size
        if rng.random() < 0.25:
            at += int(rng.uniform(0.1, 0.6) * rate_hz)
    turns = np.cumsum(pitch / rate_hz)
    pulses = np.diff(np.floor(turns), prepend=0.0)
    voiced = lfilter([1.0], [1.0, -0.9], pulses) * level * (hiss == 0)
    wave = _resonate(voiced + 0.02 * rng.standard_normal(length) * level, formants, rate_hz)
    wave /= np.sqrt(np.mean(wave**2)) + 1e-12
    noise = lfilter([1.0, -0.95], [1.0], rng.standard_normal(length)) * hiss
    wave += 0.3 * noise
    return (0.1 * wave / np.sqrt(np.mean(wave[level > 0] ** 2))).astype(np.float32)


def _resonate(wave: np.ndarray, formants_hz: np.ndarray, rate_hz: int) -> np.ndarray:
    step = int(STEP_S * rate_hz)
    state, out = np.zeros((4, 2)), np.empty_like(wave)
    formants = np.where(formants_hz[:, ::step] > 0, formants_hz[:, ::step], VOWELS_HZ[0][:, None])
    radius = np.exp(-np.pi * WIDTHS_HZ / rate_hz)
    for n, centre_hz in enumerate(formants.T):
        a1 = -2 * radius * np.cos(2 * np.pi * np.minimum(centre_hz, 0.45 * rate_hz) / rate_hz)
        gain = 1 + a1 + radius**2
        sos = np.stack([gain, 0 * gain, 0 * gain, np.ones(4), a1, radius**2], axis=1)
        part = slice(n * step, (n + 1) * step)
        out[part], state = sosfilt(sos, wave[part], zi=state)
    return out


def babble(length: int, rate_hz: int, seed: int, talkers: int = 10, copies: int = 8) -> np.ndarray:
    """A canteen full of people talking, `(length,)` float32.

    Each talker is there `copies` times, at other moments, and a room joins them all.
    """
    rng = np.random.default_rng([seed, 3])
    crowd = np.zeros(length)
    for n in range(talkers):
        voice = talker(length, rate_hz, 1000 * (seed + 1) + n)
        for shift in rng.integers(length, size=copies):
            crowd += np.roll(voice, shift)
    time_s = np.arange(int(0.5 * rate_hz)) / rate_hz
    room = rng.standard_normal(len(time_s)) * np.exp(-time_s / 0.07)
    room[0] = 10.0  # the direct sound
    wave = fftconvolve(crowd, room)[:length]
    return (0.1 * wave / np.sqrt(np.mean(wave**2))).astype(np.float32)


def melody(length: int, rate_hz: int, seed: int) -> np.ndarray:
    """Plucked chords over a beat: `(length,)` float32, decaying harmonics and clicks of a drum."""
    rng = np.random.default_rng([seed, 2])
    wave, beat = np.zeros(length), int(0.3 * rate_hz)
    for start in range(0, length, beat):
        time_s = np.arange(min(3 * beat, length - start)) / rate_hz
        for note in rng.choice([0, 3, 5, 7, 10, 12, 15, 17, 19], 2, replace=False):
            pitch_hz = 110 * 2 ** (note / 12)
            for harmonic in range(1, 13):
                decay = np.exp(-time_s * (2 + 0.7 * harmonic)) * np.minimum(1, time_s / 0.004)
                turn = rng.uniform(0, 2 * np.pi)
                tone = np.sin(2 * np.pi * harmonic * pitch_hz * time_s + turn)
                wave[start : start + len(time_s)] += decay * tone / harmonic
        hit = np.exp(-time_s * 60) * rng.standard_normal(len(time_s))
        wave[start : start + len(time_s)] += 0.7 * hit
    return (0.1 * wave / np.sqrt(np.mean(wave**2))).astype(np.float32)


def at_snr(signal: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """`noise` scaled so that `signal` is `snr_db` above it over the whole length."""
    ratio = np.sqrt(np.mean(signal**2) / np.mean(noise**2))
    return (noise * ratio * 10 ** (-snr_db / 20)).astype(np.float32)
