"""Weights of HT Demucs as their authors name them, and as an ONNX graph of it does.

Names change, not values; of the authors' there is one for one of ours. An exported graph folds
what it can: transposed matrices, norms as plain factors, an embedding that is already scaled. From
`unweave.models.readers.onnx` such an array has the name of the node that uses it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from unweave.errors import WeightsError
from unweave.models.layers.rename import Arrays, Rules, Sources, only, rename

VALUES = r"(weight|bias)"
BRANCHES = {"encoder": "spectrum_down", "tencoder": "time_down"}
BRANCHES |= {"decoder": "spectrum_up", "tdecoder": "time_up"}
LEVEL: Rules = (
    (rf"conv\.{VALUES}", r"conv.\1"),
    (rf"conv_tr\.{VALUES}", r"stretch.\1"),
    (rf"dconv\.layers\.(\d+)\.0\.{VALUES}", r"residual.\1.squeeze.\2"),
    (rf"dconv\.layers\.(\d+)\.1\.{VALUES}", r"residual.\1.norm1.\2"),
    (rf"dconv\.layers\.(\d+)\.3\.{VALUES}", r"residual.\1.expand.\2"),
    (rf"dconv\.layers\.(\d+)\.4\.{VALUES}", r"residual.\1.norm2.\2"),
    (r"dconv\.layers\.(\d+)\.6\.scale", r"residual.\1.scale.scale"),
)
DOWN: Rules = ((rf"rewrite\.{VALUES}", r"rewrite.\1"), *LEVEL)
UP: Rules = ((rf"rewrite\.{VALUES}", r"gate.\1"), *LEVEL)
LAYER: Rules = (
    (r"(?:self|cross)_attn\.in_proj_(weight|bias)", r"attention.project.\1"),
    (rf"(?:self|cross)_attn\.out_proj\.{VALUES}", r"attention.out.\1"),
    (rf"norm1\.{VALUES}", r"norm.\1"),
    (rf"linear1\.{VALUES}", r"widen.\1"),
    (rf"linear2\.{VALUES}", r"narrow.\1"),
    (rf"norm_out\.{VALUES}", r"norm_out.\1"),
    (r"gamma_1\.scale", r"attention_scale"),
    (r"gamma_2\.scale", r"forward_scale"),
)
ITSELF: Rules = ((rf"norm2\.{VALUES}", r"norm_forward.\1"), *LAYER)
OTHER: Rules = (
    (rf"norm2\.{VALUES}", r"norm_other.\1"),
    (rf"norm3\.{VALUES}", r"norm_forward.\1"),
    *LAYER,
)
# A graph's nodes, by the parameter that goes into them; what lies behind "/" is a part of it.
PLACE = r"/(.+)/dconv/(layers\.\d+)/\2\.(\d)"
INSIDE = r"/(crosstransformer)/(layers(?:_t)?\.\d+)"
QUERIES, OTHERS = "queries", "others"
GRAPH: Rules = (
    (r"/Expand", r"freq_emb.embedding.weight"),
    (rf"{PLACE}(?<=6)/Mul", r"\1.dconv.\2.\3.scale"),
    (rf"{PLACE}/Mul", r"\1.dconv.\2.\3.weight"),
    (rf"{PLACE}/Add", r"\1.dconv.\2.\3.bias"),
    (rf"{INSIDE}/norm_out/Mul", r"\1.\2.norm_out.weight"),
    (rf"{INSIDE}/norm_out/Add", r"\1.\2.norm_out.bias"),
    (rf"{INSIDE}/(linear\d)/MatMul", r"\1.\2.\3.weight"),
    (rf"{INSIDE}/self_attn/MatMul", r"\1.\2.self_attn.in_proj_weight"),
    (rf"{INSIDE}/cross_attn/MatMul", rf"\1.\2.cross_attn.in_proj_weight/{QUERIES}"),
    (rf"{INSIDE}/cross_attn/MatMul_1", rf"\1.\2.cross_attn.in_proj_weight/{OTHERS}"),
    (rf"{INSIDE}/cross_attn/Add", rf"\1.\2.cross_attn.in_proj_bias/{QUERIES}"),
    (rf"{INSIDE}/cross_attn/Add_1", rf"\1.\2.cross_attn.in_proj_bias/{OTHERS}"),
)
EMBEDDING_RATE = 10  # by which a graph's embedding is multiplied
ELSE: Rules = (
    (r"freq_emb\.embedding\.weight", r"embedding"),
    (rf"channel_upsampler\.{VALUES}", r"spectrum_in.\1"),
    (rf"channel_upsampler_t\.{VALUES}", r"time_in.\1"),
    (rf"channel_downsampler\.{VALUES}", r"spectrum_out.\1"),
    (rf"channel_downsampler_t\.{VALUES}", r"time_out.\1"),
    (rf"crosstransformer\.norm_in\.{VALUES}", r"transformer.spectrum_norm.\1"),
    (rf"crosstransformer\.norm_in_t\.{VALUES}", r"transformer.time_norm.\1"),
)


def convert(sources: Sources) -> Arrays:
    """Our arrays from those of one file, whatever its role is called.

    Raises WeightsError when it is of another network.
    """
    state = dict(only(sources))
    if any(name.startswith("/") for name in state):
        state = _from_graph(state)
    cross = {m[1] for name in state if (m := re.match(r"(.*\.\d+)\.cross_attn\.", name))}
    return halved({_ours(name, cross): value for name, value in state.items()})


def halved(arrays: Arrays) -> Arrays:
    """The arrays as float16 where that loses nothing of any, else as they are.

    The published numbers are float16, which a graph holds as float32: however they came, the same
    bytes are kept.
    """
    with np.errstate(over="ignore"):
        halves = {name: array.astype(np.float16) for name, array in arrays.items()}
    same = all(np.array_equal(halves[name], array) for name, array in arrays.items())
    return halves if same else arrays


def _from_graph(state: Mapping[str, np.ndarray]) -> Arrays:
    """The arrays of a graph under the authors' names, in the authors' shapes."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, value in state.items():
        theirs, part = name, ""
        if name.startswith("/"):
            theirs, _, part = rename(name, GRAPH).partition("/")
            value = _unfolded(name, value)
        if part in (parts := found.setdefault(theirs, {})):
            raise WeightsError(f"the weights hold {theirs!r} twice")
        parts[part] = value
    return {name: _whole(name, parts) for name, parts in found.items()}


def _whole(name: str, parts: Mapping[str, np.ndarray]) -> np.ndarray:
    """A parameter of its parts: queries by themselves, keys and values together; or all of it."""
    if parts.keys() <= {""}:
        return parts[""]
    if parts.keys() != {QUERIES, OTHERS} or parts[QUERIES].shape[1:] != parts[OTHERS].shape[1:]:
        raise WeightsError(f"the weights hold no whole {name!r}")
    return np.concatenate([parts[QUERIES], parts[OTHERS]])


def _unfolded(name: str, value: np.ndarray) -> np.ndarray:
    """What a node uses, as the parameter that it was."""
    if name == "/Expand":  # (1, width, bin, 1)
        if value.ndim != 4:
            raise WeightsError(f"the weights' {name!r} has shape {value.shape}, not four axes")
        return value[0, :, :, 0].T / value.dtype.type(EMBEDDING_RATE)
    if "/MatMul" in name:
        return value.T
    return value[:, 0] if value.ndim == 2 else value


def _ours(name: str, cross: set[str]) -> str:
    """One parameter: its level or layer by where it stands, then what it is there.

    cross: the layers, by their authors' names, that attend to the other branch.
    """
    if match := re.fullmatch(r"(t?(?:en|de)coder)\.(\d+)\.(.+)", name):
        part, number, rest = match.groups()
        rules = DOWN if part.endswith("encoder") else UP
        return f"{BRANCHES[part]}.{number}.{rename(rest, rules)}"
    if match := re.fullmatch(r"(crosstransformer\.layers(_t)?\.(\d+))\.(.+)", name):
        layer, time, number, rest = match.groups()
        sequence = "time" if time else "spectrum"
        rules = OTHER if layer in cross else ITSELF
        return f"transformer.{sequence}.{number}.{rename(rest, rules)}"
    return rename(name, ELSE)
