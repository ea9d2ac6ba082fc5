"""What is known of Bandit before it is built: see `models/bandit/model.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BYTES_PER_SAMPLE = 3100.0  # working memory of the published size, of two channels


def bytes_per_sample(config: Mapping[str, Any], stems: int, channels: int, samples: int) -> float:
    """Working memory for a sample: the vectors of all bands need most, and what RNNs make of them.

    A layer has what enters it, that after its norm, and what both directions make of it.
    """
    numbers = 2 * config.get("width", 128) + 2 * config.get("hidden", 256)
    of_published = numbers / (2 * 128 + 2 * 256) * config.get("bands", 64) / 64
    return BYTES_PER_SAMPLE * of_published * 512 / max(config.get("hop", 512), 1) * channels / 2


def additive(options: Mapping[str, object]) -> bool:
    """Every stem is made by itself."""
    return False
