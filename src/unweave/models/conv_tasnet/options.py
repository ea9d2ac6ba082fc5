"""What is known of Conv-TasNet before it is built: see `models/conv_tasnet/model.py`."""

from __future__ import annotations

from collections.abc import Mapping


def additive(options: Mapping[str, object]) -> bool:
    """The decoder need not invert the encoder."""
    return False
