"""The graph of an ONNX file with its weights: arrays, and what is done with them, as plain data.

An ONNX file is a program. Kept of it are its arrays and a list of steps
(`models/layers/graphs.py`), each an operator of ONNX's own domain that is known there. All else is
refused: other domains, functions, graphs within steps, numbers in other files. Names in the file
say nothing that is needed, and are replaced.

Fields are found by the numbers that onnx.proto3 gives them; those that are not needed are skipped.
"""

from __future__ import annotations

import struct
from itertools import islice
from pathlib import Path

from unweave.core.files import content
from unweave.errors import WeightsError, quoted
from unweave.models.layers.graphs import (
    GRAPH,
    MOST_STEPS,
    OPERATORS,
    SOURCE,
    Attribute,
    Graph,
    Step,
    parsed,
    written,
)
from unweave.models.readers import Arrays
from unweave.models.readers._shared.errors import Refused, reading
from unweave.models.readers._shared.numbers import MOST_AXES
from unweave.models.readers._shared.protobuf import Value, fields, message, text, varints, whole
from unweave.models.readers._shared.tensors import signed, tensor

MOST_LISTED = 16  # numbers of an attribute: two for each axis, at the most

__all__ = ["GRAPH", "parsed", "read", "takes_spectra"]
OWN = ("", "ai.onnx")  # names of ONNX's own domain
MODEL_GRAPH, MODEL_OPSET, FUNCTIONS = 7, 8, 25  # of a model
OPSET_DOMAIN, OPSET_VERSION = 1, 2
NODE, INITIALIZER, INPUT, OUTPUT, SPARSE = 1, 5, 11, 12, 15  # of a graph
ATTRIBUTE_NAME, FLOAT, WHOLE, TEXT, WHOLES, KIND = 1, 2, 3, 4, 8, 20  # of an attribute
KINDS = {FLOAT: 1, WHOLE: 2, TEXT: 3, WHOLES: 7}  # what its kind says of each
NAME, TYPE, TENSOR_TYPE, SHAPE, SIZES, SIZE = 1, 2, 1, 2, 1, 1  # of an input, and what is in it

Attributes = dict[str, Attribute]


def read(path: Path) -> Arrays:
    """The arrays of the graph in order of use, float32, and `graph`, its steps, as bytes.

    They may be read-only. Raises WeightsError in one line when the file cannot be read.
    """
    with reading(path):
        graph, arrays = _graph(memoryview(content(path)))
        return {**arrays, GRAPH: written(graph)}


def takes_spectra(path: Path) -> bool:
    """Whether the graph takes one value of four axes, as those of MDX-Net do: batch, parts, bins,
    frames. False for a file that cannot be read."""
    try:
        with reading(path):
            model = _only(memoryview(content(path)))
            return len(_source(model, _initialisers(model))[1]) == 3
    except WeightsError:
        return False


def _only(model: memoryview) -> memoryview:
    """The one graph of a model."""
    graphs = [message(value) for number, value in fields(model) if number == MODEL_GRAPH]
    if len(graphs) != 1:
        raise Refused(f"it is no ONNX file of one graph: it holds {len(graphs)}")
    return graphs[0]


def _graph(model: memoryview) -> tuple[Graph, Arrays]:
    content, opset = _only(model), 0
    for number, value in fields(model):
        if number == FUNCTIONS:
            raise Refused("it defines functions of its own, which unweave does not run")
        if number == MODEL_OPSET:
            parts = dict(fields(message(value)))
            if text(parts.get(OPSET_DOMAIN, memoryview(b""))) in OWN:
                opset = whole(parts.get(OPSET_VERSION, 0))
    arrays = _initialisers(content)
    source, shape = _source(content, arrays)
    steps = _Steps(source, arrays)
    outputs = []
    for number, value in fields(content):
        if number == NODE:
            steps.add(message(value))
        elif number == OUTPUT:
            outputs.append(_name(message(value)))
    if len(outputs) != 1:
        raise Refused(f"it gives {len(outputs)} values, not one")
    try:
        graph = Graph(opset, shape, steps.named(outputs[0]), tuple(steps.steps))
    except ValueError as error:
        raise Refused(str(error)) from error
    return graph, steps.arrays


def _initialisers(graph: memoryview) -> Arrays:
    arrays: Arrays = {}
    for number, value in fields(graph):
        if number == INITIALIZER:
            name, array = tensor(message(value))
            if name in arrays:
                raise Refused(f"two arrays in it are called {quoted(name)}")
            arrays[name] = array
        elif number == SPARSE:
            raise Refused("it holds sparse numbers, which unweave does not read")
    return arrays


def _source(graph: memoryview, arrays: Arrays) -> tuple[str, tuple[int, ...]]:
    """The one value that comes from outside, and its sizes but that of the batch; 0 is free."""
    inputs = [message(value) for number, value in fields(graph) if number == INPUT]
    found = [value for value in inputs if _name(value) not in arrays]
    if len(found) != 1:
        raise Refused(f"it takes {len(found)} values, not one")
    at = found[0]
    for number in (TYPE, TENSOR_TYPE, SHAPE):
        at = message(dict(fields(at)).get(number, memoryview(b"")))
    sizes = [message(value) for number, value in fields(at) if number == SIZES]
    if not 2 <= len(sizes) <= MOST_AXES:
        raise Refused(f"it takes a value of {len(sizes)} axes")
    return _name(found[0]), tuple(whole(dict(fields(size)).get(SIZE, 0)) for size in sizes[1:])


def _name(value: memoryview) -> str:
    """What an input or an output is called."""
    return text(dict(fields(value)).get(NAME, memoryview(b"")))


class _Steps:
    """The steps so far, with names of ours: an array is called by the step that uses it first."""

    def __init__(self, source: str, given: Arrays) -> None:
        self.given, self.names = given, {source: SOURCE}
        self.steps: list[Step] = []
        self.arrays: Arrays = {}

    def add(self, node: memoryview) -> None:
        n = len(self.steps)
        if n >= MOST_STEPS:
            raise Refused(f"it has more than {MOST_STEPS} steps")
        operator, inputs, output, attributes = _node(node)
        if operator not in OPERATORS:  # before its inputs, which may be of other types, too
            raise Refused(f"it uses the operator {quoted(operator)}, which unweave does not run")
        if output in self.names or output in self.given:
            raise Refused(f"two values in it are called {quoted(output)}")
        taken = [self.named(name, f"{n:04}_{operator}_{at}") for at, name in enumerate(inputs)]
        self.names[output] = f"value_{n:04}"
        try:
            self.steps.append(Step(operator, tuple(taken), self.names[output], attributes))
        except ValueError as error:
            raise Refused(str(error)) from error

    def named(self, name: str, array: str = "") -> str:
        """What a value is called here. array: what to call one that is an array."""
        if name not in self.names:
            if name not in self.given or not array:
                raise Refused(f"{quoted(name)} is used in it and never made before")
            if self.given[name].dtype.kind != "f":
                raise Refused(f"{quoted(name)} in it holds whole numbers")
            self.arrays[array] = self.given[name]
            self.names[name] = array
        return self.names[name]


def _node(node: memoryview) -> tuple[str, list[str], str, Attributes]:
    """Operator, inputs, output and attributes of a node."""
    operator, inputs, outputs = "", [], []
    attributes: Attributes = {}
    for number, value in fields(node):
        match number:
            case 1:  # an input
                inputs.append(text(value))
            case 2:  # an output
                outputs.append(text(value))
            case 4:  # the operator
                operator = text(value)
            case 5:  # an attribute
                name, found = _attribute(message(value))
                attributes[name] = found
            case 7 if text(value) not in OWN:
                raise Refused(f"it uses operators of {quoted(text(value))}, not ONNX's own")
    if len(outputs) != 1 or not outputs[0]:
        raise Refused(f"its {quoted(operator)} gives {len(outputs)} values, not one")
    return operator, inputs, outputs[0], attributes


def _attribute(attribute: memoryview) -> tuple[str, Attribute]:
    """The name of an attribute and its value: a number, a text, or whole numbers."""
    found: dict[int, Value] = {}
    wholes: list[int] = []
    for number, value in fields(attribute):
        if number == WHOLES:
            listed = [value] if isinstance(value, int) else varints(value)
            wholes += islice(signed(listed), MOST_LISTED + 1 - len(wholes))
        found[number] = value
    name = text(found.pop(ATTRIBUTE_NAME, memoryview(b"")))
    kind = whole(found.get(KIND, 0))
    if len(wholes) > MOST_LISTED:
        raise Refused(f"its attribute {quoted(name)} has more than {MOST_LISTED} numbers")
    if kind == KINDS[FLOAT]:
        bits = whole(found.get(FLOAT, 0))
        return name, struct.unpack("<f", struct.pack("<I", bits))[0]
    if kind == KINDS[WHOLE]:
        return name, next(signed([whole(found.get(WHOLE, 0))]))
    if kind == KINDS[TEXT]:
        return name, text(found.get(TEXT, memoryview(b"")))
    if kind == KINDS[WHOLES]:
        return name, tuple(wholes)
    raise Refused(f"its attribute {quoted(name)} is of the kind {kind}, which unweave does not run")
