"""What is known of SCNet before it is built: see `models/scnet/model.py`."""

from __future__ import annotations

from collections.abc import Mapping


def additive(options: Mapping[str, object]) -> bool:
    """Every stem is made by itself."""
    return False
