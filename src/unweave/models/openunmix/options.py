"""The options of Open-Unmix: see `models/openunmix/model.py`."""

from __future__ import annotations

from collections.abc import Mapping

from unweave.options import Option


def additive(options: Mapping[str, object]) -> bool:
    """The filter lets go of what is quieter than its guard, and without it the stems overlap."""
    return False


def options(config: Mapping[str, object]) -> tuple[Option, ...]:
    """What a user may choose, alike for every card."""
    return (
        Option(
            name="niter",
            types=(int,),
            default=1,
            meaning="rounds of the network's own Wiener filter; with 0 each stem is the network's "
            "magnitudes with the mix's phase, and only the stems that are asked for are computed",
            at_least=0,
            at_most=100,
        ),
        Option(
            name="residual",
            types=(bool,),
            default=False,
            meaning="whether what the stems leave of the mix is one source more for that filter",
        ),
    )
