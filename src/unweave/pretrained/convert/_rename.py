"""Renaming parameters by rules."""

from __future__ import annotations

import re
from collections.abc import Sequence

from unweave.core.errors import WeightsError

Rules = Sequence[tuple[str, str]]
"""Patterns of whole names, the first that fits decides, and what they become (`re` syntax)."""


def rename(name: str, rules: Rules) -> str:
    """The name that `rules` give. Raises WeightsError for one that none of them knows."""
    for pattern, ours in rules:
        if match := re.fullmatch(pattern, name):
            return match.expand(ours)
    raise WeightsError(f"the weights hold an unknown parameter {name!r:.80}; is it this network?")
