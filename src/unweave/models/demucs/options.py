"""What is known of Demucs before it is built: see `models/demucs/model.py`."""

from __future__ import annotations

from collections.abc import Mapping


def additive(options: Mapping[str, object]) -> bool:
    """Every stem is made by itself."""
    return False
