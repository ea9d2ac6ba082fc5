"""Weights as the authors of Demucs name them: Conv-TasNet, Demucs v1 and v2, Hybrid Demucs v3.

Their names count layers (`encoder.2.dconv.layers.0.3.lstm.weight_ih_l0`); ours say what a layer is
(`spectrum_down.2.residual.0.lstm.lstm.weight_ih_l0`). Everything maps one to one; besides names,
only two shapes of Conv-TasNet change: norms are `(1, filter, 1)` there, and the decoder is a matrix
`(channel * kernel, filter)`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from unweave.pretrained.convert._rename import Rules, rename
from unweave.pretrained.convert.asteroid import affine

VALUES = r"(weight|bias)"
BLOCK = r"separator\.network\.2\.(\d+)\.(\d+)\.net"

CONV_TASNET: Rules = (
    (r"encoder\.conv1d_U\.weight", r"encoder.weight"),
    (rf"separator\.network\.0\.{VALUES}", r"norm.\1"),
    (r"separator\.network\.1\.weight", r"bottleneck.weight"),
    (rf"{BLOCK}\.0\.weight", r"\1.\2.expand.weight"),
    (rf"{BLOCK}\.1\.weight", r"\1.\2.prelu1.weight"),
    (rf"{BLOCK}\.2\.{VALUES}", r"\1.\2.norm1.\3"),
    (rf"{BLOCK}\.3\.net\.0\.weight", r"\1.\2.depthwise.weight"),
    (rf"{BLOCK}\.3\.net\.1\.weight", r"\1.\2.prelu2.weight"),
    (rf"{BLOCK}\.3\.net\.2\.{VALUES}", r"\1.\2.norm2.\3"),
    (rf"{BLOCK}\.3\.net\.3\.weight", r"\1.\2.residual.weight"),
    (r"separator\.network\.3\.weight", r"masks.weight"),
    (r"decoder\.basis_signals\.weight", r"decoder.weight"),
)

# The package of v1 and v2 lacks the places for norms that the later one has: 2 there, 3 here.
DEMUCS: Rules = (
    (rf"encoder\.(\d+)\.0\.{VALUES}", r"encoder.\1.conv.\2"),
    (rf"encoder\.(\d+)\.[23]\.{VALUES}", r"encoder.\1.rewrite.\2"),
    (r"lstm\.(lstm|linear)\.(\w+)", r"lstm.\1.\2"),
    (rf"decoder\.(\d+)\.0\.{VALUES}", r"decoder.\1.rewrite.\2"),
    (rf"decoder\.(\d+)\.[23]\.{VALUES}", r"decoder.\1.deconv.\2"),
)

DOWN: Rules = ((rf"(conv|norm1|rewrite|norm2)\.{VALUES}", r"\1.\2"),)
UP: Rules = (
    (rf"rewrite\.{VALUES}", r"gate.conv.\1"),
    (rf"norm1\.{VALUES}", r"gate.norm.\1"),
    (rf"conv_tr\.{VALUES}", r"stretch.conv.\1"),
    (rf"norm2\.{VALUES}", r"stretch.norm.\1"),
)
ATTENTION = {"query_decay": "decay", "proj": "project"}


def from_original(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights under our names; which of the three networks they are, their names tell.

    Raises WeightsError for a name that the network does not have.
    """
    if "encoder.conv1d_U.weight" in state:
        return _conv_tasnet(state)
    if any(name.startswith("tencoder.") for name in state):
        levels = {part: _count(state, part) for part in ("encoder", "tencoder")}
        return {_hybrid(name, levels, state): value for name, value in state.items()}
    return {rename(name, DEMUCS): value for name, value in state.items()}


def convert(sources: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Our arrays from those of one file, whatever its role is called.

    Raises WeightsError when it is of another network.
    """
    (state,) = sources.values()
    return from_original(state)


def _conv_tasnet(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    filters, channels, kernel = state["encoder.conv1d_U.weight"].shape
    per_repeat = 1 + max(
        (int(match[2]) for name in state if (match := re.match(BLOCK, name))), default=0
    )
    ours = {}
    for name, value in state.items():
        new = rename(affine(name), CONV_TASNET)
        if name.endswith(("gamma", "beta")):
            value = value.reshape(-1)
        elif new == "decoder.weight":
            value = value.T.reshape(filters, channels, kernel)
        if match := re.match(r"(\d+)\.(\d+)\.", new):  # repeat, block in it
            new = f"blocks.{int(match[1]) * per_repeat + int(match[2])}.{new[match.end() :]}"
        ours[new] = value
    return ours


def _count(state: Mapping[str, np.ndarray], part: str) -> int:
    """How many levels `part` has."""
    return 1 + max(int(name.split(".")[1]) for name in state if name.startswith(f"{part}."))


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
    if rest.startswith("dconv.layers."):
        return f"{level}.{_residual(name, rest, state)}"
    return f"{level}.{rename(rest, DOWN if 'encoder' in part else UP)}"


def _residual(name: str, rest: str, state: Mapping[str, np.ndarray]) -> str:
    """A layer of a residual branch, counted there from both ends: LSTM and attention may lack."""
    _, _, branch, position, what = rest.split(".", 4)
    start = f"{name.removesuffix(rest)}dconv.layers.{branch}."
    last = next(
        int(other.removeprefix(start).split(".")[0])
        for other in state
        if other.startswith(start) and other.endswith(".scale")
    )
    fixed = {0: "squeeze", 1: "norm1", last - 3: "expand", last - 2: "norm2", last: "scale"}
    layer = fixed.get(int(position))
    if layer is None:
        kind, _, value = what.partition(".")
        recurrent = kind in ("lstm", "linear")
        layer = "lstm" if recurrent else "attention"
        what = what if recurrent else f"{ATTENTION.get(kind, kind)}.{value}"
    return f"residual.{branch}.{layer}.{what}"
