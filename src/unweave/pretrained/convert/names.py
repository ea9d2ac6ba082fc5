"""Renaming parameters by rules, and safetensors files as the original authors export them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unweave.core.errors import WeightsError

Rules = Sequence[tuple[str, str]]
"""Patterns of whole names, the first that fits decides, and what they become (`re` syntax)."""


def rename(name: str, rules: Rules) -> str:
    """The name that `rules` give. Raises WeightsError for one that none of them knows."""
    for pattern, ours in rules:
        if match := re.fullmatch(pattern, name):
            return match.expand(ours)
    raise WeightsError(f"the weights hold an unknown parameter {name!r:.80}; is it this network?")


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file. Raises WeightsError in one line when it cannot be read."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays: dict[str, np.ndarray] = load(path.read_bytes())
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
    except SafetensorError as error:
        raise WeightsError(f"{path}: no safetensors file ({error})") from error
    return arrays
