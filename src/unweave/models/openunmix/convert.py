"""Weights of Open-Unmix as their authors name them; a file for each stem, by its role, or one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unweave.errors import WeightsError
from unweave.models.layers.rename import Arrays, Rules, Sources, rename

# What files hold of a transform: those of 2019 in the network, those of all stems beside them.
LEGACY = frozenset({"sample_rate", "stft.window", "istft.window", "transform.0.window"})
INSIDE = "target_models."  # before the stem's name, in a file of all stems
RULES: Rules = (
    (r"(input|output)_(mean|scale)", r"\g<0>"),
    (r"fc[123]\.weight", r"\g<0>"),
    (r"bn[123]\.(weight|bias|running_mean|running_var|num_batches_tracked)", r"\g<0>"),
    (r"lstm\.(weight|bias)_(ih|hh)_l\d(_reverse)?", r"\g<0>"),
)


def convert(sources: Sources) -> Arrays:
    """Our arrays from those of one file per stem, or of a file of all stems.

    Raises WeightsError for an unknown name.
    """
    ours: Arrays = {}
    for role, file in sources.items():
        for stem, theirs in by_stem(role, file).items():
            try:
                names = {name: rename(name, RULES) for name in theirs.keys() - LEGACY}
            except WeightsError as error:
                raise WeightsError(f"{stem}: {error}") from error
            ours |= {f"nets.{stem}.{name}": theirs[old] for old, name in sorted(names.items())}
    return ours


def by_stem(role: str, file: Mapping[str, np.ndarray]) -> dict[str, Arrays]:
    """The arrays of each stem's network: of the one that the file is for, or of all in it."""
    if not any(name.startswith(INSIDE) for name in file):
        return {role: dict(file)}
    found: dict[str, Arrays] = {}
    for name, array in file.items():
        if name not in LEGACY:
            stem, _, rest = name.removeprefix(INSIDE).partition(".")
            found.setdefault(stem, {})[rest] = array
    return found
