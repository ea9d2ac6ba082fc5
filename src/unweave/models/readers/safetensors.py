"""Safetensors files: read array by array, each into memory of its own; written in one fixed form.

The format is a length of 8 bytes, a head in JSON that says of every array its type, its shape and
where it lies, and the numbers one after the other (github.com/huggingface/safetensors, "Format").
Read are files whose arrays fill them, without a gap and without sharing a byte.

What is written depends on the arrays alone: names are sorted and there is one padding rule, so that
the SHA-256 of a converted file can be pinned and never changes with a library's version. Demucs 4.1
keeps the arguments of its networks as JSON in the metadata.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from unweave.core.atomic import sha256
from unweave.core.files import check_file
from unweave.errors import WeightsError, quoted
from unweave.models.readers import Arrays, Settings
from unweave.models.readers._shared.errors import Refused, plain, reading
from unweave.models.readers._shared.numbers import count, room, row, width

if TYPE_CHECKING:
    import numpy as np

# What numpy calls them in a pickle -> what safetensors calls them.
DTYPES = {
    "f2": "F16", "f4": "F32", "f8": "F64", "i1": "I8", "i2": "I16", "i4": "I32", "i8": "I64",
    "u1": "U8", "b1": "BOOL",
}  # fmt: skip
# The types that are read, by what safetensors calls them.
TYPES = {ours: name for name, ours in DTYPES.items()} | {
    "U16": "u2", "U32": "u4", "U64": "u8", "BF16": "bf16",
}  # fmt: skip
LONGEST_HEAD = 100_000_000  # bytes, as in the format's own library

See = Callable[["bytes | bytearray"], object]
"""Called with all bytes of a file, in order."""


def _unseen(_: bytes | bytearray) -> None:
    """Where nobody wants to see the bytes."""


class Sink(Protocol):
    """Whatever takes bytes in order."""

    def write(self, data: Any, /) -> object: ...


def read(path: Path) -> Arrays:
    """The arrays of a file by name, bfloat16 as float32, others as they are.

    Raises WeightsError in one line when it cannot be read.
    """
    with reading(path), _opened(path) as file:
        metadata, entries = _head(file)
        if "structure" in metadata:
            raise Refused("it is quantised with DiffQ, which unweave does not read")
        return _arrays(file, entries)


def pinned(path: Path, pin: str) -> Arrays | None:
    """The arrays of the file whose SHA-256 is `pin`; None where another file lies at `path`.

    What is hashed are the very bytes that become arrays. Raises WeightsError for the file that is
    pinned and no safetensors file, OSError where it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with reading(path), _opened(path) as file:
            arrays = _arrays(file, _head(file, digest.update)[1], digest.update)
    except WeightsError:
        if sha256(path) == pin:
            raise
        return None
    return arrays if digest.hexdigest() == pin else None


def settings(path: Path) -> Settings:
    """The metadata of a file.

    Those of Demucs 4.1 are `klass`, the class by its name, and `args` and `kwargs` of its
    constructor. Raises WeightsError in one line when it cannot be read.
    """
    with reading(path), _opened(path) as file:
        found: Settings = dict(_head(file)[0])
        for name in ("args", "kwargs"):
            if name in found:
                found[name] = json.loads(str(found[name]), object_hook=_fraction)
    return found


class _Entry(NamedTuple):
    """Where the numbers of an array are. kind: as `numbers.row` takes it."""

    name: str
    kind: str
    shape: tuple[int, ...]
    begin: int  # bytes behind the head
    end: int


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    check_file(path)
    with path.open("rb") as file:
        yield file


def _head(file: BufferedReader, see: See = _unseen) -> tuple[Mapping[str, str], list[_Entry]]:
    """The words beside the arrays, and where each array is, in order. Raises Refused."""
    start = file.read(8)
    length, left = int.from_bytes(start, "little"), os.fstat(file.fileno()).st_size - 8
    if length > min(left, LONGEST_HEAD):
        raise _no("its head is cut, or none")
    text = file.read(length)
    see(start + text)
    try:
        found = json.loads(text.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _no(plain(str(error))) from error
    if not isinstance(found, dict) or not text.startswith(b"{"):
        raise _no("its head is no table")
    metadata = found.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(m, str) for m in metadata.values()):
        raise _no("its metadata are no words")
    entries = [_entry(name, said) for name, said in found.items()]
    entries.sort(key=lambda entry: (entry.begin, entry.end))
    at = 0
    for entry in entries:
        if entry.begin != at:
            raise _no(f"{quoted(entry.name)} does not begin where the array before it ends")
        at = entry.end
    if at != left - length:
        raise _no(f"its arrays have {quoted(at)} bytes, and it has {left - length} for them")
    return metadata, entries


def _entry(name: str, said: object) -> _Entry:
    match said:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [begin, end]}:
            if not all(type(n) is int and n >= 0 for n in (*shape, begin, end)):
                raise _no(f"{quoted(name)} has no whole numbers for its place")
            if dtype not in TYPES:
                raise _no(f"{quoted(name)} has numbers of the type {plain(dtype)}")
            if count(shape) * width(TYPES[dtype]) != end - begin:
                raise _no(
                    f"{quoted(name)} of shape {quoted(shape)} has {quoted(end - begin)} bytes"
                )
            return _Entry(name, TYPES[dtype], tuple(shape), begin, end)
    raise _no(f"{quoted(name)} is no array")


def _arrays(file: BufferedReader, entries: list[_Entry], see: See = _unseen) -> Arrays:
    """The arrays, which lie behind the head one after the other. They can be written."""
    arrays: Arrays = {}
    for entry in entries:
        data = room(entry.end - entry.begin)
        if file.readinto(data) != len(data):
            raise EOFError("it became shorter while it was read")
        see(data)
        arrays[entry.name] = row(data, entry.kind).reshape(entry.shape)
    return arrays


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands in it twice")
    return found


def _no(reason: str) -> Refused:
    return Refused(f"it is not a safetensors file of numbers: {reason}")


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
    for piece in _pieces(arrays):
        stream.write(piece)


def pin(arrays: Mapping[str, np.ndarray]) -> tuple[str, int]:
    """SHA-256 and size in bytes of the file that `write` makes. Raises WeightsError as it does."""
    digest, size = hashlib.sha256(), 0
    for piece in _pieces(arrays):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


def _pieces(arrays: Mapping[str, np.ndarray]) -> Iterator[bytes | memoryview]:
    """The content of a file: its head, and one array after another."""
    import numpy as np

    names = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    header: dict[str, object] = {}
    end = 0
    for name in names:
        array = arrays[name]
        kind = f"{array.dtype.kind}{array.dtype.itemsize}"
        if kind not in DTYPES:
            raise WeightsError(
                f"{name}: safetensors files hold no numbers of the type {array.dtype}"
            )
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": DTYPES[kind], "shape": array.shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # data starts at a multiple of 8 bytes
    yield struct.pack("<Q", len(text)) + text
    for name in names:
        array = arrays[name]
        block = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        yield block.reshape(-1).view(np.uint8).data
