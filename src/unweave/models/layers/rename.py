"""From the names of foreign weights to ours, by rules.

The module `convert` of an architecture has `convert(sources)`: from the role that a card gives each
file (for Spleeter: the stem) to its arrays, to the arrays under our names. It checks every name,
and every shape that it changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from unweave.errors import WeightsError

Arrays = dict[str, np.ndarray]
Sources = Mapping[str, Mapping[str, np.ndarray]]
Rules = Sequence[tuple[str, str]]
"""Patterns of whole names, the first that fits decides, and what they become (`re` syntax)."""

ATTENTION = {"query_decay": "decay", "proj": "project"}  # of Demucs, where our names differ


def rename(name: str, rules: Rules) -> str:
    """The name that `rules` give. Raises WeightsError for one that none of them knows."""
    for pattern, ours in rules:
        if match := re.fullmatch(pattern, name):
            return match.expand(ours)
    raise _unknown(name)


def renamed(arrays: Mapping[str, np.ndarray], ours: Callable[[str], str]) -> Arrays:
    """The arrays under our names.

    Raises WeightsError for an unknown one, and where two of them would get one name.
    """
    found: Arrays = {}
    for name, array in arrays.items():
        try:
            new = ours(name)
        except WeightsError as error:  # which may know the end of the name only
            raise _unknown(name) from error
        if new in found:
            raise WeightsError(f"the weights hold {new!r:.80} twice, once as {name!r:.80}")
        found[new] = array
    return found


def _unknown(name: str) -> WeightsError:
    return WeightsError(f"the weights hold an unknown parameter {name!r:.80}; is it this network?")


def residual(name: str, start: str, names: Mapping[str, np.ndarray]) -> str:
    """Our name of a parameter in a residual branch of Demucs (v3 and later): `0.expand.weight`.

    Their branches are lists of layers, `start` + `0.4.weight`, in which an LSTM and attention may
    lack: layers are counted from both ends. Raises WeightsError for a name that is none of these.
    """
    match = re.fullmatch(r"(\d+)\.(\d+)\.(.+)", name.removeprefix(start))
    ends = (re.fullmatch(rf"{re.escape(start)}{match[1]}\.(\d+)\.scale", n) for n in names if match)
    last = next((int(end[1]) for end in ends if end), None)
    if match is None or last is None:
        return rename(name, ())
    branch, position, what = match[1], int(match[2]), match[3]
    fixed = {0: "squeeze", 1: "norm1", last - 3: "expand", last - 2: "norm2", last: "scale"}
    layer = fixed.get(position)
    if layer is None:
        kind, _, value = what.partition(".")
        recurrent = kind in ("lstm", "linear")
        layer = "lstm" if recurrent else "attention"
        what = what if recurrent else f"{ATTENTION.get(kind, kind)}.{value}"
    return f"{branch}.{layer}.{what}"


def only(sources: Sources) -> Mapping[str, np.ndarray]:
    """The arrays of a card's only file, whatever its role is called."""
    (arrays,) = sources.values()
    return arrays
