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
    """`(channel, time)`, float32: a rising tone for each channel over a steady one, below 0.5."""
    time_s = np.arange(samples) / sample_rate_hz
    rising = [np.sin(2 * np.pi * (60 + 200 * (n + 1) * time_s) * time_s) for n in range(channels)]
    return (0.3 * np.stack(rising) + 0.15 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)


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
        stems = separator(mix[None], card.sample_rate_hz)[0, :, 0]
    at = [(2 * n + 1) * length // (2 * POINTS) for n in range(POINTS)]
    found: list[list[float]] = stems[:, at].double().tolist()
    return found


def agreement_db(expected: object, found: object) -> float:
    """How far the difference lies below what is expected, in dB; infinite where there is none."""
    right, other = np.asarray(expected, float), np.asarray(found, float)
    if right.shape != other.shape:
        return -math.inf
    difference = float(np.sum((right - other) ** 2))
    return 10 * math.log10(float(np.sum(right**2)) / difference) if difference else math.inf
