"""The weights in an ONNX file: the initialisers of its graph, read without running the graph.

An ONNX file is one message of Protocol Buffers; the few fields needed here are found by the numbers
that onnx.proto3 gives them, and all others are skipped. No other file is opened.

An exporter gives the arrays that it changed on the way no name of their own but `onnx::Mul_5074`
or the like. Such an array gets the name of the one node that uses it, as `/encoder.0/norm/Mul`,
which tells the layer; an array that keeps the name of its parameter keeps it here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unweave.core.files import content
from unweave.errors import quoted
from unweave.models.readers import Arrays
from unweave.models.readers._shared.errors import Refused, reading
from unweave.models.readers._shared.protobuf import fields, message, text
from unweave.models.readers._shared.tensors import tensor

GRAPH = 7  # of a model
NODE, INITIALIZER, SPARSE = 1, 5, 15  # of a graph
INPUT, NODE_NAME = 1, 3  # of a node
NAMELESS = "onnx::"  # how names begin that an exporter made up


def read(path: Path) -> Arrays:
    """The initialisers by name, float32. They may be read-only.

    Raises WeightsError in one line when they cannot be read.
    """
    with reading(path):
        return _arrays(memoryview(content(path)))


def _arrays(model: memoryview) -> Arrays:
    graphs = [message(value) for number, value in fields(model) if number == GRAPH]
    if len(graphs) != 1:
        raise Refused(f"it is no ONNX file of one graph: it holds {len(graphs)}")
    arrays: Arrays = {}
    users: dict[str, list[str]] = {}
    for number, value in fields(graphs[0]):
        if number == NODE:
            name, inputs = _node(message(value))
            for each in inputs:
                if each.startswith(NAMELESS):
                    users.setdefault(each, []).append(name)
        elif number == INITIALIZER:
            found, array = tensor(message(value))
            if array.dtype.kind == "f":  # whole numbers are shapes and axes of operations
                _add(arrays, found, array)
        elif number == SPARSE:
            raise Refused("it holds sparse numbers, which unweave does not read")
    named: Arrays = {}
    for name, array in arrays.items():
        _add(named, _named(name, users.get(name, [])), array)
    return named


def _add(arrays: Arrays, name: str, array: np.ndarray) -> None:
    if name in arrays:
        raise Refused(f"two arrays in it are called {quoted(name)}")
    arrays[name] = array


def _named(name: str, users: list[str]) -> str:
    """What an array is called here."""
    if not name.startswith(NAMELESS):
        return name
    if len(users) != 1 or not users[0]:
        raise Refused(f"its array {quoted(name)} has no name, and {len(users)} nodes use it")
    return users[0]


def _node(node: memoryview) -> tuple[str, list[str]]:
    """The name of a node, and of what goes into it."""
    name, inputs = "", []
    for number, value in fields(node):
        if number == INPUT:
            inputs.append(text(value))
        elif number == NODE_NAME:
            name = text(value)
    return name, inputs
