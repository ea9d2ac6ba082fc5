"""What is known of TFC-TDF v3 before it is built: see `models/tfc_tdf/model.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LARGE_PAGES = True  # its arrays are many and large: see engine/allocator.py
# Working memory of MDX23C, which grows with the width: benchmarks/networks/memory.py.
BYTES_PER_SAMPLE = 5900.0


def bytes_per_sample(config: Mapping[str, Any], stems: int, channels: int, samples: int) -> float:
    """Working memory for a sample: so many numbers of the outermost level, against MDX23C's."""
    band = config.get("bins", 4096) // max(config.get("subbands", 4), 1)
    numbers = config.get("width", 128) * band / max(config.get("hop", 1024), 1)
    return BYTES_PER_SAMPLE * numbers / 128


def additive(options: Mapping[str, object]) -> bool:
    """Every stem is made by itself."""
    return False
