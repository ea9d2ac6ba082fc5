"""Weights of Hybrid Demucs (v3) as their authors name them; only names change.

Their names count layers (`encoder.2.dconv.layers.0.3.lstm.weight_ih_l0`); ours say what a layer is
(`spectrum_down.2.residual.0.lstm.lstm.weight_ih_l0`). A level that is split into bands has them
behind its own name (`encoder.0.layers.1.conv.weight`, `spectrum_down.0.bands.1.conv.weight`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from unweave.models.layers.rename import Arrays, Rules, Sources, only, rename, renamed, residual

VALUES = r"(weight|bias)"
DOWN: Rules = ((rf"(conv|norm1|rewrite|norm2)\.{VALUES}", r"\1.\2"),)
UP: Rules = (
    (rf"rewrite\.{VALUES}", r"gate.conv.\1"),
    (rf"norm1\.{VALUES}", r"gate.norm.\1"),
    (rf"conv_tr\.{VALUES}", r"stretch.conv.\1"),
    (rf"norm2\.{VALUES}", r"stretch.norm.\1"),
)


def convert(sources: Sources) -> Arrays:
    """Our arrays from those of one file, whatever its role is called.

    Raises WeightsError when it is of another network.
    """
    state = only(sources)
    levels = {part: _count(state, part) for part in ("encoder", "tencoder")}
    return renamed(state, lambda name: _hybrid(name, levels, state))


def _count(state: Mapping[str, np.ndarray], part: str) -> int:
    """How many levels `part` has."""
    found = (re.match(rf"{part}\.(\d+)\.", name) for name in state)
    return 1 + max((int(match[1]) for match in found if match), default=-1)


def _hybrid(name: str, levels: Mapping[str, int], state: Mapping[str, np.ndarray]) -> str:
    """One parameter of Hybrid Demucs: its level by where it stands, then what it is there."""
    if name == "freq_emb.embedding.weight":
        return "embedding"
    part, at, rest = (*name.split(".", 2), "", "")[:3]
    meeting = levels["tencoder"] - 1  # the level where both branches meet
    shared = levels["encoder"] - levels["tencoder"]  # levels below it
    if not at.isdecimal():
        return rename(name, ())
    n = int(at)
    match part:
        case "encoder" if n == meeting:
            level = "meet"
        case "encoder":
            level = f"spectrum_down.{n}" if n < meeting else f"shared_down.{n - meeting - 1}"
        case "tencoder" if n == meeting:
            return rename(rest, ((rf"conv\.{VALUES}", r"merge.\1"),))
        case "tencoder":
            level = f"time_down.{n}"
        case "decoder" if n == shared:
            level = "part"
        case "decoder":
            level = f"shared_up.{n}" if n < shared else f"spectrum_up.{n - shared - 1}"
        case "tdecoder" if n == 0:
            return rename(rest, UP).replace("stretch", "part_time")
        case "tdecoder":
            level = f"time_up.{n - 1}"
        case _:
            return rename(name, ())
    if match := re.match(r"layers\.(\d+)\.", rest):
        level, rest = f"{level}.bands.{match[1]}", rest[match.end() :]
    if rest.startswith("dconv.layers."):
        start = f"{name.removesuffix(rest)}dconv.layers."
        return f"{level}.residual.{residual(name, start, state)}"
    return f"{level}.{rename(rest, DOWN if 'encoder' in part else UP)}"
