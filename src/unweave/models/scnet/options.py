"""What is known of SCNet before it is built: see `models/scnet/model.py`."""

from __future__ import annotations

from collections.abc import Mapping

BYTES_PER_SAMPLE = 2200.0  # working memory of the small size: benchmarks/networks/memory.py


def additive(options: Mapping[str, object]) -> bool:
    """Every stem is made by itself."""
    return False
