"""Safetensors files, read by the library; the writer's bytes depend on the arrays alone.

Names are sorted and there is one padding rule, so that the SHA-256 of a converted file can be
pinned and never changes with a library's version. Demucs 4.1 keeps the arguments of its networks as
JSON in the metadata.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from unweave.core.files import content as content_of
from unweave.errors import WeightsError
from unweave.models.readers import Arrays, Settings
from unweave.models.readers._shared.errors import Refused, plain, reading

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
    with reading(path):
        content = content_of(path)
        arrays = parse(content, path)
        if "structure" in _metadata(content):
            raise Refused("it is quantised with DiffQ, which unweave does not read")
    return arrays


def settings(path: Path) -> Settings:
    """The metadata of a file.

    Those of Demucs 4.1 are `klass`, the class by its name, and `args` and `kwargs` of its
    constructor. Raises WeightsError in one line when it cannot be read.
    """
    with reading(path):
        content = content_of(path)
        parse(content, path)
        found: Settings = dict(_metadata(content))
        for name in ("args", "kwargs"):
            if name in found:
                found[name] = json.loads(str(found[name]), object_hook=_fraction)
    return found


def parse(content: bytes, path: Path) -> Arrays:
    """The arrays of a file's content. Raises WeightsError, which names the file as `path`."""
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load

    np.empty(2 * len(content), np.uint8)  # no room is a MemoryError here, and an abort in `load`
    try:
        arrays: Arrays = load(content)
    except (SafetensorError, TypeError, KeyError) as error:  # the last two: types numpy lacks
        reason = plain(str(error))
        raise WeightsError(f"{path}: is not a safetensors file of numbers ({reason})") from error
    return arrays


def _metadata(content: bytes) -> dict[str, str]:
    """The words beside the arrays, of content that `parse` has found right."""
    (length,) = struct.unpack_from("<Q", content)
    found: dict[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    return found


def _fraction(item: dict[str, object]) -> object:
    """A number as Demucs 4.1 writes a Fraction; any other object stays what it is."""
    from fractions import Fraction

    match item:
        case {"_type": "fraction", "numerator": int(above), "denominator": int(below)} if below:
            return Fraction(above, below)
    return item


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
