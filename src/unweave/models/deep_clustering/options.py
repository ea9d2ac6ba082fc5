"""The options of deep clustering and Chimera: see `models/deep_clustering/model.py`."""

from __future__ import annotations

from collections.abc import Mapping

from unweave.options import LARGEST_SEED, Option


def options(config: Mapping[str, object]) -> tuple[Option, ...]:
    """What a user may choose; only a network with a mask head can separate by masks."""
    ways = ("masks", "clusters") if config.get("masks", True) else ("clusters",)
    return (
        Option(
            name="separate_by",
            types=(str,),
            default=ways[0],
            meaning="head that gives the stems: masks, or clusters of embeddings",
            choices=ways,
        ),
        Option(
            name="seed",
            types=(int,),
            default=0,
            meaning="random seed of the clustering",
            at_least=0,
            at_most=LARGEST_SEED,
        ),
    )
