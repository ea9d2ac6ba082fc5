"""What is known of SCNet before it is built: see `models/scnet/model.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LARGE_PAGES = True  # its arrays are many and large: see engine/allocator.py
BYTES_PER_SAMPLE = 1100.0  # working memory of the small size: benchmarks/networks/memory.py
REVISION = 2  # goes up when the same weights give other bytes than before


def bytes_per_sample(config: Mapping[str, Any], stems: int, channels: int, samples: int) -> float:
    """Working memory for a sample: the outermost level needs most."""
    return BYTES_PER_SAMPLE * config.get("widths", (32,))[0] / 32


def additive(options: Mapping[str, object]) -> bool:
    """Every stem is made by itself."""
    return False
