"""Foreign weights to ours: one file per family, each with `convert(sources)`.

`sources` maps the role a card gives each file (for Spleeter: the stem) to its arrays; the result
maps our parameter names to arrays. A converter checks every name and shape.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

import numpy as np

Arrays = dict[str, np.ndarray]
Converter = Callable[[Mapping[str, Arrays]], Arrays]


def converter(family: str) -> Converter:
    """`convert` of the file `family`.py in this folder."""
    module = importlib.import_module(f"{__name__}.{family}")
    convert: Converter = module.convert
    return convert
