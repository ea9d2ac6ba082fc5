"""The options of Spleeter: see `models/spleeter/model.py`."""

from __future__ import annotations

from collections.abc import Mapping

from unweave.options import WIENER, Option

BANDWIDTHS = ("full", "model")
MIXED_PRECISION = False  # its form for a CPU (`fast`) is arranged in float32


def additive(options: Mapping[str, object]) -> bool:
    """Whether the stems sum to the mix: only if nothing is left out above the network's band."""
    return options["bandwidth"] == "full"


def options(config: Mapping[str, object]) -> tuple[Option, ...]:
    """What a user may choose, alike for every card."""
    return (
        Option(
            name="bandwidth",
            types=(str,),
            default="full",
            meaning="frequencies above the network's band: 'full' gives them the frame's mean "
            "mask, 'model' leaves them out",
            choices=BANDWIDTHS,
        ),
        Option(
            name="mask_exponent",
            types=(float,),
            default=2.0,
            meaning="exponent of the masks; higher values make harder masks",
            above=0,
            at_most=16,
        ),
        WIENER,  # from each network's own estimate, before the stems compete
    )
