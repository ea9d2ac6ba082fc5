"""Weights of Demucs v1, v2 and v3 as their authors name them; only names change.

A level is a list of layers there (`encoder.2.0.weight`). Activations have places in it, norms have
one in v3 only, residual branches and gated convolutions by setting: what a place means is told by
the shapes of its level.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from unweave.models.layers.rename import Arrays, Sources, only, rename, renamed, residual


def convert(sources: Sources) -> Arrays:
    """Our arrays from those of one file, whatever its role is called.

    Raises WeightsError when it is of another network.
    """
    state = only(sources)
    return renamed(state, lambda name: _ours(name, state))


def _ours(name: str, state: Mapping[str, np.ndarray]) -> str:
    match = re.fullmatch(r"((encoder|decoder)\.\d+)\.(\d+)\.(.+)", name)
    if match is None:
        return rename(name, ((r"lstm\.(lstm|linear)\.(\w+)", r"lstm.\1.\2"),))
    level, part, place, what = match.groups()
    if what.startswith("layers."):
        return f"{level}.residual.{residual(name, f'{level}.{place}.layers.', state)}"
    layer = _layers(level, part, state).get(int(place))
    return f"{level}.{layer}.{what}" if layer else rename(name, ())


def _layers(level: str, part: str, state: Mapping[str, np.ndarray]) -> dict[int, str]:
    """What lies at each place of a level: convolutions have three axes, norms one."""
    places = (re.fullmatch(rf"{re.escape(level)}\.(\d+)\.weight", name) for name in state)
    axes = {int(place[1]): state[place[0]].ndim for place in places if place}
    convolutions = sorted(place for place, count in axes.items() if count == 3)
    if part == "encoder":
        names, norms = ("conv", "rewrite"), ("norm1", "norm2")
    elif len(convolutions) > 1:
        names, norms = ("rewrite", "deconv"), ("norm1", "norm2")
    else:
        names, norms = ("deconv",), ("norm2",)
    found: dict[int, str] = {}
    for name, norm, place in zip(names, norms, convolutions, strict=False):
        found |= {place: name, place + 1: norm}
    return {place: layer for place, layer in found.items() if place in axes}
