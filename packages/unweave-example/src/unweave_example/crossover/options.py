"""What is known of the network before torch is imported."""

from __future__ import annotations

from collections.abc import Mapping

from unweave.options import Option


def options(config: Mapping[str, object]) -> tuple[Option, ...]:
    """What a user may choose, alike for every card."""
    return (
        Option(
            name="sharpness",
            types=(float,),
            default=1.0,
            meaning="how steep the stems part: higher is steeper",
            above=0,
            at_most=10,
        ),
    )
