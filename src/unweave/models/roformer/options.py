"""What is known of the RoFormers before they are built: see `models/roformer/model.py`."""

from __future__ import annotations

from collections.abc import Mapping

ADDED, BARE = "added", "bare"  # forms of `value_residual`
LARGE_PAGES = True  # its arrays are many and large: see engine/allocator.py


def additive(options: Mapping[str, object]) -> bool:
    """Every stem is made by itself, but for one that is what the others leave of the mix."""
    return bool(options.get("remainder", False))
