"""The weights in an ONNX file: the initialisers of its graph, read without running the graph.

An ONNX file is one message of Protocol Buffers. Its wire format is a sequence of fields, each with
a number and a length, so that the few fields needed here are found and all others skipped. The
numbers of the fields are those of onnx.proto3.

An exporter gives the arrays that it changed on the way no name of their own but `onnx::Mul_5074`
or the like. Such an array gets the name of the one node that uses it, as `/encoder.0/norm/Mul`,
which tells the layer; an array that keeps the name of its parameter keeps it here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unweave.errors import WeightsError

GRAPH = 7  # of a model
NODE, INITIALIZER, SPARSE = 1, 5, 15  # of a graph
INPUT, NODE_NAME = 1, 3  # of a node
DIMS, DATA_TYPE, NAME, RAW_DATA, DATA_LOCATION = 1, 2, 8, 9, 14  # of a tensor
FLOAT32 = 1  # a data type
NAMELESS = "onnx::"  # how names begin that an exporter made up
LONGEST = 10  # bytes of a number

Field = tuple[int, "int | memoryview"]
"""Its number, and its value: a number, or the bytes of a text, a list or another message."""


class _Damaged(Exception):
    """The bytes are not what they should be."""


def read(path: Path) -> dict[str, np.ndarray]:
    """The initialisers by name. Raises WeightsError in one line for any other file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
    try:
        return _arrays(memoryview(content))
    except _Damaged as error:
        raise WeightsError(f"{path}: is not an ONNX file of float32 numbers ({error})") from error


def _arrays(content: memoryview) -> dict[str, np.ndarray]:
    graphs = [_message(value, "graph") for number, value in _fields(content) if number == GRAPH]
    if len(graphs) != 1:
        raise _Damaged(f"it holds {len(graphs)} graphs")
    arrays: dict[str, np.ndarray] = {}
    users: dict[str, list[str]] = {}
    for number, value in _fields(graphs[0]):
        if number == NODE:
            name, inputs = _node(_message(value, "node"))
            for each in inputs:
                if each.startswith(NAMELESS):
                    users.setdefault(each, []).append(name)
        elif number == INITIALIZER:
            name, array = _tensor(_message(value, "tensor"))
            _add(arrays, name, array)
        elif number == SPARSE:
            raise _Damaged("it holds sparse numbers")
    named: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        _add(named, _named(name, users.get(name, [])), array)
    return named


def _add(arrays: dict[str, np.ndarray], name: str, array: np.ndarray) -> None:
    if name in arrays:
        raise _Damaged(f"two arrays are called {name!r:.80}")
    arrays[name] = array


def _named(name: str, users: list[str]) -> str:
    """What an array is called here."""
    if not name.startswith(NAMELESS):
        return name
    if len(users) != 1 or not users[0]:
        raise _Damaged(f"the array {name!r:.80} has no name, and {len(users)} nodes use it")
    return users[0]


def _node(content: memoryview) -> tuple[str, list[str]]:
    """The name of a node, and of what goes into it."""
    name, inputs = "", []
    for number, value in _fields(content):
        if number == INPUT:
            inputs.append(_text(value))
        elif number == NODE_NAME:
            name = _text(value)
    return name, inputs


def _tensor(content: memoryview) -> tuple[str, np.ndarray]:
    """The name of an initialiser, and its numbers."""
    name, data_type, shape, raw = "", 0, [], memoryview(b"")
    for number, value in _fields(content):
        if number == NAME:
            name = _text(value)
        elif number == DATA_TYPE:
            data_type = _number(value, "data type")
        elif number == DIMS:  # each by itself, or all in one field
            shape += [value] if isinstance(value, int) else list(_numbers(value))
        elif number == RAW_DATA:
            raw = _message(value, "data")
        elif number == DATA_LOCATION and value:
            raise _Damaged(f"the numbers of {name!r:.80} lie in another file")
    if not name:
        raise _Damaged("an array has no name")
    if data_type != FLOAT32:
        raise _Damaged(f"the array {name!r:.80} is of type {data_type}, float32 is {FLOAT32}")
    if 4 * math.prod(shape) != len(raw) or max(shape, default=0) > len(raw):
        raise _Damaged(f"the array {name!r:.80} of shape {shape!r:.60} has {len(raw)} bytes")
    array = np.frombuffer(raw, "<f4").reshape(shape)
    return name, np.require(array, requirements="A")  # a message may begin anywhere


def _fields(content: memoryview) -> Iterator[Field]:
    """The fields of a message, in the order they stand. Raises _Damaged."""
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(content, at)
            yield number, value
            continue
        if kind == 2:
            length, at = _varint(content, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise _Damaged(f"a field is of the unknown kind {kind}")
        if length > len(content) - at:
            raise _Damaged(f"{length} bytes are announced where {len(content) - at} are left")
        yield number, content[at : at + length]
        at += length


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    """A number in groups of 7 bits, the last without its eighth, and where it ends."""
    found = 0
    for n, byte in enumerate(content[at : at + LONGEST]):
        found |= (byte & 127) << (7 * n)
        if byte < 128:
            return found, at + n + 1
    raise _Damaged("a number has no end")


def _numbers(content: memoryview) -> Iterator[int]:
    at = 0
    while at < len(content):
        value, at = _varint(content, at)
        yield value


def _number(value: int | memoryview, what: str) -> int:
    if not isinstance(value, int):
        raise _Damaged(f"its {what} is no number")
    return value


def _message(value: int | memoryview, what: str) -> memoryview:
    if isinstance(value, int):
        raise _Damaged(f"its {what} is a number")
    return value


def _text(value: int | memoryview) -> str:
    try:
        return bytes(_message(value, "name")).decode()
    except UnicodeDecodeError:
        raise _Damaged("a name is no text") from None
