"""What is known of Hybrid Demucs before it is built: see `models/hybrid_demucs/model.py`."""

from __future__ import annotations

from collections.abc import Mapping

LARGE_PAGES = True  # its arrays are many and large: see engine/allocator.py


def additive(options: Mapping[str, object]) -> bool:
    """Every stem is made by itself."""
    return False
