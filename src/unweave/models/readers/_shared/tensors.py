"""Tensors of ONNX: an array with a name, the same in initialisers and in constants.

Field numbers are those of onnx.proto3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from unweave.errors import quoted
from unweave.models.readers._shared.errors import Refused
from unweave.models.readers._shared.numbers import MOST_AXES, count, row, width
from unweave.models.readers._shared.protobuf import Value, fields, message, text, varints, whole

DIMS, DATA_TYPE, FLOATS, INT32S, INT64S, NAME, RAW_DATA = 1, 2, 4, 5, 7, 8, 9
EXTERNAL, DATA_LOCATION = 13, 14
FLOAT32, INT32, INT64 = 1, 6, 7  # data types
TYPES = {FLOAT32: "f4", INT32: "i4", INT64: "i8"}
MOST_LISTED = 1 << 16  # whole numbers that are listed one by one: shapes and axes are few


def tensor(content: memoryview) -> tuple[str, np.ndarray]:
    """The name of a tensor and its numbers: float32, int32 or int64. They may be read-only.

    Raises Refused for numbers of another type, in another
    place, or of another count than the shape says.
    """
    found: dict[int, Value] = {}  # of a field that comes twice the last counts
    shape: list[int] = []
    listed: list[int] = []
    for number, value in fields(content):
        if number == DIMS:  # each by itself, or all in one field
            shape += [value] if isinstance(value, int) else islice(varints(value), MOST_AXES + 1)
        elif number in (INT32S, INT64S):
            listed += signed([value] if isinstance(value, int) else varints(value))
            if len(listed) > MOST_LISTED:
                raise Refused(f"an array in it lists more than {MOST_LISTED} whole numbers")
        found[number] = value
    name, kind = text(found.get(NAME, memoryview(b""))), whole(found.get(DATA_TYPE, 0))
    data = message(found.get(RAW_DATA, found.get(FLOATS, memoryview(b""))))
    if not name:
        raise Refused("an array in it has no name")
    if EXTERNAL in found or whole(found.get(DATA_LOCATION, 0)):
        raise Refused(f"the numbers of {quoted(name)} lie in another file")
    if kind not in TYPES:
        raise Refused(f"its array {quoted(name)} is of type {kind}, and float32 is {FLOAT32}")
    if listed and not len(data):
        data = memoryview(np.array(listed, "<i8").astype("<" + TYPES[kind]).tobytes())
    if count(shape) * width(TYPES[kind]) != len(data):
        raise Refused(f"its array {quoted(name)} of shape {quoted(shape)} has {len(data)} bytes")
    return name, row(data, TYPES[kind]).reshape(shape)


def signed(values: Iterable[int]) -> Iterator[int]:
    """Whole numbers of 64 bits with their signs; no more than may be listed, and one."""
    for value in islice(values, MOST_LISTED + 1):
        yield value - (1 << 64) if value >> 63 else value
