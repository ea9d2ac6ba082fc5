"""From the names of foreign weights to ours, by rules.

The module `convert` of an architecture has `convert(sources)`: from the role that a card gives each
file (for Spleeter: the stem) to its arrays, to the arrays under our names. It checks every name,
and every shape that it changes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from unweave.errors import WeightsError

Arrays = dict[str, np.ndarray]
Sources = Mapping[str, Mapping[str, np.ndarray]]
Rules = Sequence[tuple[str, str]]
"""Patterns of whole names, the first that fits decides, and what they become (`re` syntax)."""


def rename(name: str, rules: Rules) -> str:
    """The name that `rules` give. Raises WeightsError for one that none of them knows."""
    for pattern, ours in rules:
        if match := re.fullmatch(pattern, name):
            return match.expand(ours)
    raise WeightsError(f"the weights hold an unknown parameter {name!r:.80}; is it this network?")


def only(sources: Sources) -> Mapping[str, np.ndarray]:
    """The arrays of a card's only file, whatever its role is called."""
    (arrays,) = sources.values()
    return arrays
