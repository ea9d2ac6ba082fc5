"""A check of a model's numbers: a wave that everyone can make, and what its stems must be.

A card may say in `[fixture]` what a trusted program gave for the wave of `wave`: of every stem,
some samples of the first channel. Weights and code together are right where they give the same.
"""

from __future__ import annotations

import math

import numpy as np

from unweave.models import store
from unweave.models.cards import Card

POINTS = 8  # of a stem, evenly spaced
LEAST_DB = 60.0  # agreement; what rounding leaves is above 90


def wave(channels: int, samples: int, sample_rate_hz: int) -> np.ndarray:
    """`(channel, time)`, float32, below 1: a beat, a bass and a voice, each for its own stem.

    A rising tone besides, another in each channel.
    """
    time_s = np.arange(samples) / sample_rate_hz
    noise = np.modf(43758.5453 * np.sin(12.9898 * np.arange(samples)))[0]  # alike on any machine
    beat = noise * np.exp(-(time_s % 0.3) / 0.05)
    bass = sum(np.sin(2 * np.pi * 55 * n * time_s) / n for n in (1, 2, 3))
    phase = 2 * np.pi * 220 * time_s + 3 * np.sin(2 * np.pi * 5 * time_s)
    voice = sum(formants(220 * n) * np.sin(n * phase) for n in range(1, 16))
    voice *= np.sin(np.pi * time_s / 1.1) ** 2
    rising = [np.sin(2 * np.pi * (60 + 200 * (n + 1) * time_s) * time_s) for n in range(channels)]
    band = 0.2 * beat + 0.15 * bass + 0.12 * voice
    return (0.05 * np.stack(rising) + band).astype(np.float32)


def formants(frequency_hz: float) -> float:
    """The gain that two resonances of a voice give to a frequency."""
    peaks = ((1.0, 700, 500), (0.5, 2500, 600))
    return sum(gain * math.exp(-(((frequency_hz - at) / width) ** 2)) for gain, at, width in peaks)


def values(card: Card) -> list[list[float]]:
    """What the model gives here: for each stem `POINTS` samples of its first channel.

    It sees one segment. Raises WeightsError and UsageError as loading it does.
    """
    import torch

    from unweave.models.adapter import NeuralSeparator

    separator = NeuralSeparator(card, {}, store.weights(card)).to("cpu")
    length = card.segment.length
    mix = torch.from_numpy(wave(card.channels, length, card.sample_rate_hz))
    with torch.inference_mode():
        stems = separator(mix[None], card.sample_rate_hz)[0]
    return kept(stems.numpy())


def kept(stems: np.ndarray) -> list[list[float]]:
    """`POINTS` samples of the first channel of each stem. stems: `(stem, channel, time)`."""
    length = stems.shape[-1]
    at = [(2 * n + 1) * length // (2 * POINTS) for n in range(POINTS)]
    found: list[list[float]] = stems[:, 0, at].astype(np.float64).tolist()
    return found


def agreement_db(expected: object, found: object) -> float:
    """How far the difference lies below what is expected, in dB, in the stem where it is largest.

    expected, found: `(stem, point)`. Infinite where there is no difference, or other shapes.
    """
    right, other = np.asarray(expected, float), np.asarray(found, float)
    if right.shape != other.shape:
        return -math.inf
    with np.errstate(all="ignore"):  # a card may state any numbers
        levels, differences = np.sum(right**2, -1), np.sum((right - other) ** 2, -1)
        found_db = 10 * np.log10(levels[differences > 0] / differences[differences > 0])
    return float(np.min(found_db, initial=math.inf))
