"""What other packages add to unweave, by entry points of their metadata.

A package says in its `pyproject.toml`, for instance:

    [project.entry-points."unweave.separators"]
    mid-side = "my_package.mid_side:MidSide"

Names come from metadata alone; code is imported when a name is used. What unweave ships itself
wins over an entry point of the same name.
"""

from __future__ import annotations

from functools import cache
from importlib import metadata

from unweave.errors import UsageError

SEPARATORS = "unweave.separators"  # NAME = "module:Class", a technique as those of unweave
ARCHITECTURES = "unweave.architectures"  # NAME = "package", with `model` and perhaps `options`
CARDS = "unweave.cards"  # NAME = "package", a folder of cards
COMMANDS = "unweave.commands"  # NAME = "module:function", a verb as typer takes it


@cache
def found(group: str) -> dict[str, metadata.EntryPoint]:
    """The entry points of a group by name.

    Where two packages give a name, the first of them in the alphabet has it.
    """
    points = sorted(metadata.entry_points(group=group), key=lambda each: (each.name, origin(each)))
    return {point.name: point for point in reversed(points)}


def origin(point: metadata.EntryPoint) -> str:
    """The distribution that an entry point comes from."""
    return point.dist.name if point.dist is not None else "unknown"


def loaded(point: metadata.EntryPoint) -> object:
    """What an entry point names. Raises UsageError, one line, where it cannot be had."""
    try:
        return point.load()
    except Exception as error:  # whatever somebody else's code does
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(
            f"{point.name}: the plug-in {origin(point)} cannot be loaded "
            f"({type(error).__name__}: {reason:.160}); install it anew, or remove it"
        ) from error
