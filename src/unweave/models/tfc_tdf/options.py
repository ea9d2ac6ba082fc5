"""What is known of TFC-TDF v3 before it is built: see `models/tfc_tdf/model.py`."""

from __future__ import annotations

from collections.abc import Mapping

BYTES_PER_SAMPLE = 8800.0  # working memory of MDX23C, from narrower ones: it grows with the width


def additive(options: Mapping[str, object]) -> bool:
    """Every stem is made by itself."""
    return False
