"""Weights of Open-Unmix as their authors name them; a file for each stem, by its role."""

from __future__ import annotations

from unweave.errors import WeightsError
from unweave.models.layers.rename import Arrays, Rules, Sources, rename

# What the files of 2019 hold of a transform that then was part of the network.
LEGACY = frozenset({"sample_rate", "stft.window", "transform.0.window"})
RULES: Rules = (
    (r"(input|output)_(mean|scale)", r"\g<0>"),
    (r"fc[123]\.weight", r"\g<0>"),
    (r"bn[123]\.(weight|bias|running_mean|running_var|num_batches_tracked)", r"\g<0>"),
    (r"lstm\.(weight|bias)_(ih|hh)_l\d(_reverse)?", r"\g<0>"),
)


def convert(sources: Sources) -> Arrays:
    """Our arrays from those of one file per stem. Raises WeightsError for an unknown name."""
    ours: Arrays = {}
    for stem, theirs in sources.items():
        try:
            names = {name: rename(name, RULES) for name in theirs.keys() - LEGACY}
        except WeightsError as error:
            raise WeightsError(f"{stem}: {error}") from error
        ours |= {f"nets.{stem}.{name}": theirs[old] for old, name in sorted(names.items())}
    return ours
