"""Weights of Bandit, as its authors and MSST name them: v2, and the first one (Bandit Plus).

The first one has the real parts of a band's bins before all imaginary ones, v2 those of a bin side
by side, and so have we.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from unweave.models.layers.recognise import numbers
from unweave.models.layers.rename import Arrays, Rules, Sources, only, rename, renamed

N = r"(\d+)"
VALUES = r"(weight|bias)"
PLACE = rf"norm_fc_modules\.{N}\."
LAYER = rf"tf_model\.seqband\.{N}\."
HEAD = rf"mask_estim\.([^.]+)\.norm_mlp\.{N}\."
RULES: Rules = (
    (rf"band_split\.{PLACE}(?:combined\.0|norm)\.{VALUES}", r"entrances.\1.norm.\2"),
    (rf"band_split\.{PLACE}(?:combined\.1|fc)\.{VALUES}", r"entrances.\1.layer.\2"),
    (rf"{LAYER}(norm|rnn)\.(\w+)", r"layers.\1.\2.\3"),
    (rf"{LAYER}fc\.{VALUES}", r"layers.\1.layer.\2"),
    (rf"{HEAD}norm\.{VALUES}", r"masks.\1.\2.norm.\3"),
    (rf"{HEAD}hidden\.0\.{VALUES}", r"masks.\1.\2.widen.\3"),
    (rf"{HEAD}output\.0\.{VALUES}", r"masks.\1.\2.layer.\3"),
)
# What follows from the rest: windows, the share of a band in a bin, and parts of a head once more.
DERIVED = re.compile(rf"i?stft\.window|{HEAD}combined\..+|mask_estim\.[^.]+\.freq_weights/\d+")
FIRST = "bsrnn."  # the first one's names begin so
ENTRANCE = re.compile(r"entrances\.\d+\.(norm\.(weight|bias)|layer\.weight)")


def convert(sources: Sources) -> Arrays:
    """Our arrays from those of one file, whatever its role is called.

    Raises WeightsError when it is of another network.
    """
    arrays = plain(only(sources))
    # Between the layers of v2 lie some without weights.
    places = {n: place for place, n in enumerate(sorted(numbers(arrays, LAYER)))}

    def ours(name: str) -> str:
        found = rename(name, RULES)
        return re.sub(r"^layers\.(\d+)", lambda match: f"layers.{places[int(match[1])]}", found)

    first = any(name.startswith(FIRST) for name in only(sources))
    made = renamed(arrays, ours)
    return {k: _side_by_side(v) if first and ENTRANCE.fullmatch(k) else v for k, v in made.items()}


def plain(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """The arrays that count, by names that both kinds have."""
    found = {name.removeprefix(FIRST): array for name, array in arrays.items()}
    return {name: array for name, array in found.items() if not DERIVED.fullmatch(name)}


def _side_by_side(array: np.ndarray) -> np.ndarray:
    """Real parts and then imaginary ones along the last axis, as pairs."""
    half = array.shape[-1] // 2
    if array.ndim == 0 or array.shape[-1] % 2:
        return array  # of a shape that the network does not take
    return np.ascontiguousarray(
        np.stack([array[..., :half], array[..., half:]], axis=-1).reshape(array.shape)
    )
