"""Safetensors files, read by the library; the writer's bytes depend on the arrays alone.

Names are sorted and there is one padding rule, so that the SHA-256 of a converted file can be
pinned and never changes with a library's version.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from unweave.errors import WeightsError
from unweave.models.readers import Arrays

if TYPE_CHECKING:
    import numpy as np

# What numpy calls them in a pickle -> what safetensors calls them.
DTYPES = {
    "f2": "F16", "f4": "F32", "f8": "F64", "i1": "I8", "i2": "I16", "i4": "I32", "i8": "I64",
    "u1": "U8", "b1": "BOOL",
}  # fmt: skip


class Sink(Protocol):
    """Whatever takes bytes in order."""

    def write(self, data: Any, /) -> object: ...


def read(path: Path) -> Arrays:
    """The arrays of a file. Raises WeightsError in one line when it cannot be read."""
    try:
        return parse(path.read_bytes(), path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error


def parse(content: bytes, path: Path) -> Arrays:
    """The arrays of a file's content. Raises WeightsError, which names the file as `path`."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    bytearray(2 * len(content))  # without room for it, this is a MemoryError, and `load` an abort
    try:
        arrays: Arrays = load(content)
    except (SafetensorError, TypeError, KeyError) as error:  # the last two: types numpy lacks
        raise WeightsError(f"{path}: is not a safetensors file of numbers ({error})") from error
    return arrays


def write(stream: Sink, arrays: Mapping[str, np.ndarray]) -> None:
    """Write `arrays` in the safetensors format, in a fixed order and without metadata.

    Larger numbers come first, so that every array is aligned to its own; then names decide. Raises
    WeightsError for numbers that the format lacks.
    """
    import numpy as np

    header: dict[str, object] = {}
    blocks, end = [], 0
    for name in sorted(arrays, key=lambda name: (-arrays[name].itemsize, name)):
        array = arrays[name]
        block = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        begin, end = end, end + block.nbytes
        kind = f"{block.dtype.kind}{block.dtype.itemsize}"
        if kind not in DTYPES:
            raise WeightsError(
                f"{name}: safetensors files hold no numbers of the type {array.dtype}"
            )
        header[name] = {"dtype": DTYPES[kind], "shape": array.shape, "data_offsets": [begin, end]}
        blocks.append(block)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # data starts at a multiple of 8 bytes
    stream.write(struct.pack("<Q", len(text)) + text)
    for block in blocks:
        stream.write(block.data)
