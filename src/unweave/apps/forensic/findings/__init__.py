"""The finders, a module each: `ALL` of them, in the order of the report."""

from __future__ import annotations

from unweave.apps.forensic.finding import Finder
from unweave.apps.forensic.findings import (
    activity,
    backgrounds,
    bandwidth,
    breaks,
    channels,
    container,
    levels,
    lossy,
    mains,
    quantisation,
    repeats,
)

ALL: tuple[Finder, ...] = (
    container.FINDER,
    lossy.FINDER,
    bandwidth.FINDER,
    quantisation.FINDER,
    levels.FINDER,
    breaks.FINDER,
    backgrounds.FINDER,
    repeats.FINDER,
    mains.FINDER,
    activity.FINDER,
    channels.FINDER,
)


def describing() -> frozenset[str]:
    """The names of the kinds that only describe a recording."""
    return frozenset(kind.name for finder in ALL for kind in finder.kinds if kind.describes)
