"""Weights of RoFormers as their authors' programs name them.

Names change, not values. The rotations' rates stand under every attention, the same ones for all
along an axis; ours are kept once. Files that leave them out mean those that are always used. What
old files hold of the mel bands is computed here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from unweave.errors import WeightsError
from unweave.models.layers.rename import Arrays, Rules, Sources, only, rename, renamed

VALUES = r"(weight|bias)"
AXES = ("time", "band")  # the transformers of a block, in their order
# Where a form of the program of the end of 2024 and later keeps a layer, without residual streams.
BRANCH = r"(?:branch\.)?"
LAYER = r"layers\.(\d+)\.([01])\.layers\.(\d+)\."
ATTENTION, FEED = rf"{LAYER}0\.{BRANCH}", rf"{LAYER}1\.{BRANCH}"
RATES = rf"{ATTENTION}rotary_embed\.freqs"
# Constants that are computed: of rotations, and of bands.
COMPUTED = re.compile(
    r".*rotary_embed\.(cached_freqs|cached_scales|dummy)"
    r"|freq_indices|freqs_per_band|num_freqs_per_band|num_bands_per_freq"
)
RULES: Rules = (
    (r"band_split\.to_features\.(\d+)\.0\.gamma", r"entrances.\1.norm.gain"),
    (rf"band_split\.to_features\.(\d+)\.1\.{VALUES}", r"entrances.\1.dense.\2"),
    (rf"{ATTENTION}norm\.gamma", r"blocks.\1.AXIS\2.attention.\3.norm.gain"),
    (rf"{ATTENTION}to_qkv\.weight", r"blocks.\1.AXIS\2.attention.\3.project.weight"),
    (rf"{ATTENTION}to_gates\.{VALUES}", r"blocks.\1.AXIS\2.attention.\3.gates.\4"),
    (rf"{ATTENTION}to_value_residual_mix\.{VALUES}", r"blocks.\1.AXIS\2.attention.\3.mix.\4"),
    (rf"{ATTENTION}to_out\.0\.weight", r"blocks.\1.AXIS\2.attention.\3.out.weight"),
    (rf"{FEED}net\.0\.gamma", r"blocks.\1.AXIS\2.feed.\3.norm.gain"),
    (rf"{FEED}net\.1\.{VALUES}", r"blocks.\1.AXIS\2.feed.\3.widen.\4"),
    (rf"{FEED}net\.4\.{VALUES}", r"blocks.\1.AXIS\2.feed.\3.narrow.\4"),
    (r"layers\.(\d+)\.([01])\.norm\.gamma", r"blocks.\1.AXIS\2.norm.gain"),
    (r"final_norm\.gamma", r"norm.gain"),
)
MASK = rf"mask_estimators\.(\d+)\.to_freqs\.(\d+)\.0\.(\d*[02468])\.{VALUES}"


def convert(sources: Sources) -> Arrays:
    """Our arrays from those of one file, whatever its role is called.

    Raises WeightsError when it is of another network, or its rotations differ from each other.
    """
    theirs = {name: each for name, each in only(sources).items() if not COMPUTED.fullmatch(name)}
    kept = {name: each for name, each in theirs.items() if not re.fullmatch(RATES, name)}
    return renamed(kept, _ours) | {
        f"{axis}_rates": _rates(theirs, n) for n, axis in enumerate(AXES)
    }


def known(name: str) -> bool:
    """Whether a RoFormer has a parameter of this name, of its authors'."""
    try:
        return bool(re.fullmatch(RATES, name) or _ours(name))
    except WeightsError:
        return False


def _ours(name: str) -> str:
    if match := re.fullmatch(MASK, name):  # activations stand between the dense layers
        return f"masks.{match[1]}.bands.{match[2]}.{int(match[3]) // 2}.{match[4]}"
    new = rename(name, RULES)
    for n, axis in enumerate(AXES):
        new = new.replace(f"AXIS{n}", axis)
    return new


def _rates(theirs: Mapping[str, np.ndarray], axis: int) -> np.ndarray:
    """The rates along one axis, which all of its attentions have alike. Raises WeightsError."""
    found = [
        each
        for name, each in theirs.items()
        if (match := re.fullmatch(RATES, name)) and int(match[2]) == axis
    ]
    if not found:
        return _usual(theirs, axis)
    if any(not np.array_equal(each, found[0]) for each in found):
        raise WeightsError("the rotations of its attentions differ, along one axis")
    return found[0]


def _usual(theirs: Mapping[str, np.ndarray], axis: int) -> np.ndarray:
    """What the rates are where a file leaves them out."""
    start = rf"layers\.0\.{axis}\.layers\.0\.0\.{BRANCH}"
    inner = heads = 0
    for name, each in theirs.items():
        if re.fullmatch(rf"{start}to_qkv\.weight", name):
            inner = len(each) // 3
        if re.fullmatch(rf"{start}to_gates\.weight", name):
            heads = len(each)
    if not inner or not heads:
        raise WeightsError("the weights lack an attention; is it this network?")
    width = inner // heads
    return (10000.0 ** -(np.arange(0, width, 2) / width)).astype(np.float32)
