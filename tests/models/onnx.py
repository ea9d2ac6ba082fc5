"""ONNX files for tests, written by hand: Protocol Buffers' wire format is a few lines."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from tests.models.bundles import read_fields, read_varint

Named = tuple[str, str, np.ndarray]
"""An initialiser: its name, the node that uses it, its numbers."""


def varint(value: int) -> bytes:
    groups = [value & 127]
    while value := value >> 7:
        groups.append(value & 127)
    return bytes([*(group | 128 for group in groups[:-1]), groups[-1]])


def field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def tensor(name: str, array: np.ndarray, data_type: int = 1) -> bytes:
    dims = b"".join(field(1, size) for size in array.shape)
    return dims + field(2, data_type) + field(8, name) + field(9, array.tobytes())


def node(name: str, *inputs: str) -> bytes:
    return b"".join(field(1, each) for each in inputs) + field(2, f"{name}_out") + field(3, name)


def graph(*arrays: Named) -> bytes:
    """A graph in which each array goes into a node, and nothing is computed."""
    nodes = b"".join(field(1, node(user, "x", name)) for name, user, _ in arrays)
    return nodes + b"".join(field(5, tensor(name, array)) for name, _, array in arrays)


def model(content: bytes) -> bytes:
    return field(1, 8) + field(2, "a test") + field(7, content)


def exported(state: Mapping[str, np.ndarray]) -> bytes:
    """HT Demucs's `state`, by its authors' names, as an export of its graph holds it."""
    return model(graph(*_named(state)))


def _named(state: Mapping[str, np.ndarray]) -> Iterator[Named]:
    for n, (name, value) in enumerate((k, v.astype(np.float32)) for k, v in state.items()):
        if name == "freq_emb.embedding.weight":
            yield f"onnx::Expand_{n}", "/Expand", (10 * value.T)[None, :, :, None]
        elif match := re.fullmatch(r"(.+)\.dconv\.layers\.(\d)\.([146])\.(\w+)", name):
            part, branch, layer, kind = match.groups()
            operator = "Add" if kind == "bias" else "Mul"
            user = f"/{part}/dconv/layers.{branch}/layers.{branch}.{layer}/{operator}"
            yield f"onnx::{operator}_{n}", user, value[:, None]
        elif match := re.fullmatch(r"crosstransformer\.(.+)\.norm_out\.(\w+)", name):
            operator = "Add" if match[2] == "bias" else "Mul"
            user = f"/crosstransformer/{match[1]}/norm_out/{operator}"
            yield f"onnx::{operator}_{n}", user, value[:, None]
        elif match := re.fullmatch(r"crosstransformer\.(.+)\.(linear\d)\.weight", name):
            yield f"onnx::MatMul_{n}", f"/crosstransformer/{match[1]}/{match[2]}/MatMul", value.T
        elif match := re.fullmatch(r"crosstransformer\.(.+)\.self_attn\.in_proj_weight", name):
            yield f"onnx::MatMul_{n}", f"/crosstransformer/{match[1]}/self_attn/MatMul", value.T
        elif match := re.fullmatch(r"crosstransformer\.(layers\.\d)\.cross_attn\.in_\w+", name):
            operator = "Add" if name.endswith("bias") else "MatMul"
            user = f"/crosstransformer/{match[1]}/cross_attn/{operator}"
            third = len(value) // 3
            yield f"onnx::{operator}_{n}", user, value[:third].T
            yield f"onnx::{operator}_{n}b", f"{user}_1", value[third:].T
        else:
            yield name, "/elsewhere", value


def shapes(content: bytes, used: bool = False) -> dict[str, tuple[int, ...]]:
    """The shapes that a file says, by name. used: by the file's own names, of arrays that are
    used."""
    (graph_,) = [value for number, value in read_fields(content) if number == 7]
    users, found = {}, {}
    for number, value in read_fields(graph_):
        if number == 1:
            for key, name in read_fields(value):
                if key == 1:
                    users[name] = dict(read_fields(value)).get(3, b"")
        elif number == 5:
            parts = [size for key, size in read_fields(value) if key == 1]
            sizes = [size for part in parts for size in _sizes(part)]
            found[dict(read_fields(value))[8]] = tuple(sizes)
    if used:
        return {name.decode(): shape for name, shape in found.items() if name in users}
    named = {users[k] if k.startswith(b"onnx::") else k: shape for k, shape in found.items()}
    return {name.decode(): shape for name, shape in named.items()}


def _sizes(part: int | bytes) -> list[int]:
    if isinstance(part, int):
        return [part]
    at, found = 0, []
    while at < len(part):
        size, at = read_varint(part, at)
        found.append(size)
    return found


def damaged(
    content: bytes, rng: random.Random, mutated: Callable[[bytes, random.Random], bytes]
) -> bytes:
    """A file with a node, an array, an input or an output damaged, lengths around it right."""
    head = [(number, value) for number, value in read_fields(content) if number != 7]
    (graph_,) = [value for number, value in read_fields(content) if number == 7]
    parts = read_fields(graph_)
    n = rng.choice([n for n, (number, _) in enumerate(parts) if number != 2])  # its name
    number, inner = parts[n][0], read_fields(parts[n][1])
    if rng.random() < 0.5:
        at = rng.randrange(len(inner))
        key, value = inner[at]
        value = value if isinstance(value, bytes) else varint(value)
        inner[at] = (key, mutated(value, rng))
        parts[n] = (number, b"".join(field(*each) for each in inner))
    else:
        parts[n] = (number, mutated(parts[n][1], rng))
    whole = b"".join(field(*each) for each in parts)
    return b"".join(field(*each) for each in head) + field(7, whole)
