"""What is known of Conv-TasNet before it is built: see `networks/conv_tasnet.py`."""

from __future__ import annotations

from collections.abc import Mapping


def additive(options: Mapping[str, object]) -> bool:
    """The decoder need not invert the encoder."""
    return False
