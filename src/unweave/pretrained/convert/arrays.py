"""Named arrays in files, without running what is in them: a pickle reader and a safetensors writer.

A pickle is a program. This reader runs it with every instruction that could reach Python taken
away: the few names that a pickled numpy array needs stand for small recorders of our own, which
check sizes and build arrays; any other name ends the reading. torch's zip archive around such a
pickle is understood too.

The writer's bytes depend on nothing but the arrays (names sorted, one padding rule), so that the
SHA-256 of a converted file can be pinned and never changes with a library's version. Reading such a
file is the library's: `safetensors.numpy.load`.
"""

from __future__ import annotations

import json
import math
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NoReturn, Protocol

import numpy as np

from unweave.core.errors import WeightsError

# What numpy calls them in a pickle -> what safetensors calls them.
DTYPES = {"f2": "F16", "f4": "F32", "f8": "F64", "i4": "I32", "i8": "I64", "u1": "U8", "b1": "BOOL"}


class Sink(Protocol):
    """Whatever takes bytes in order."""

    def write(self, data: Any, /) -> object: ...


def read_pickle(path: Path) -> dict[str, np.ndarray]:
    """The dict of arrays that `path` holds: a pickle, or a torch archive around one.

    The arrays are read-only. Raises WeightsError when the file holds anything but named arrays.
    """
    try:
        with open(path, "rb") as file:
            if file.read(4) != b"PK\x03\x04":
                file.seek(0)
                return _unpickle(file, path)
            with zipfile.ZipFile(file) as archive, archive.open(_member(archive, path)) as inner:
                return _unpickle(inner, path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
    except zipfile.BadZipFile as error:
        raise WeightsError(f"{path}: damaged archive ({error})") from error


def _member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    found = [info for info in archive.infolist() if info.filename.rpartition("/")[2] == "data.pkl"]
    if len(found) != 1:
        raise WeightsError(f"{path}: not weights (an archive with {len(found)} files 'data.pkl')")
    if found[0].compress_type != zipfile.ZIP_STORED:
        # torch never compresses; refusing it means that a file cannot unpack to more than its size.
        raise WeightsError(f"{path}: a compressed archive, which weights never are")
    return found[0]


def _unpickle(stream: Any, path: Path) -> dict[str, np.ndarray]:
    try:
        content = _ArrayUnpickler(stream).load()
        if type(content) is not dict:
            raise _Refused(f"holds no dict of arrays but a {type(content).__name__}")
        arrays = {}
        for name, value in content.items():
            if type(name) is not str or type(value) is not _Array or value.array is None:
                raise _Refused(f"holds more than named arrays: {name!r:.60}")
            arrays[name] = value.array
        return arrays
    except _Refused as error:
        raise WeightsError(f"{path}: refused, {error}") from error
    except Exception as error:  # a damaged pickle fails in many ways
        reason = f"{type(error).__name__}: {error}".replace("\n", " ")
        raise WeightsError(f"{path}: damaged, not a readable pickle ({reason:.120})") from error


class _Refused(Exception):
    """The file asks for something that arrays do not need."""


class _Name:
    """A global that may be named, and by default neither called nor given a state."""

    __slots__ = ()

    def __call__(self, *args: object) -> object:
        raise _Refused("it calls what is not a function")

    def __setstate__(self, state: object) -> NoReturn:
        raise _Refused("it changes what it may only name")


class _Encode(_Name):
    """`_codecs.encode`: pickles of protocol 2 hold bytes as text."""

    __slots__ = ()

    def __call__(self, *args: object) -> object:
        match args:
            case [str(text), "latin1"]:
                return text.encode("latin1")
        raise _Refused("it encodes text other than as latin1")


class _NoBytes(_Name):
    """`bytes`: how pickles of protocol 2 write an empty one."""

    __slots__ = ()

    def __call__(self, *args: object) -> object:
        if args:
            raise _Refused("it makes bytes of something else")
        return b""


class _DType:
    """What `numpy.dtype` would be: a number type by its short name, little-endian."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __setstate__(self, state: object) -> None:
        match state:
            case (3, "<" | "|", None, None, None, -1, -1, 0):
                return
        raise _Refused("its numbers are not plain little-endian ones")


class _MakeDType(_Name):
    __slots__ = ()

    def __call__(self, *args: object) -> object:
        match args:
            case [str(name), *_] if name in DTYPES:
                return _DType(name)
        raise _Refused(f"it holds arrays of {args[0] if args else None!r:.20}")


class _Array:
    """What `numpy.ndarray` would be: empty until the pickle hands over its state."""

    __slots__ = ("array",)

    def __init__(self) -> None:
        self.array: np.ndarray | None = None

    def __setstate__(self, state: object) -> None:
        match state:
            case (1, tuple(shape), _DType() as dtype, bool(fortran), bytes(data)):
                if not all(type(n) is int and n >= 0 for n in shape):
                    raise _Refused(f"an array has the shape {shape!r:.60}")
                flat = np.dtype("<" + dtype.name)
                if math.prod(shape) * flat.itemsize != len(data):
                    raise _Refused(f"an array of shape {shape!r:.60} has {len(data)} bytes")
                order: Literal["C", "F"] = "F" if fortran else "C"
                self.array = np.frombuffer(data, flat).reshape(shape, order=order)
                return
        raise _Refused("an array has an unknown form")


class _MakeArray(_Name):
    __slots__ = ()

    def __call__(self, *args: object) -> object:
        return _Array()


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        match module, name:
            case "numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct":
                return _MakeArray()
            case "numpy", "ndarray":
                return _Name()
            case "numpy", "dtype":
                return _MakeDType()
            case "_codecs", "encode":
                return _Encode()
            case "__builtin__" | "builtins", "bytes":
                return _NoBytes()
        raise _Refused(f"it asks for {module}.{name}, which arrays do not need")

    def persistent_load(self, pid: object) -> NoReturn:
        raise _Refused("its arrays lie in other files")


def write_safetensors(stream: Sink, arrays: Mapping[str, np.ndarray]) -> None:
    """Write `arrays` in the safetensors format, in a fixed order and without metadata.

    Larger numbers come first, so that every array is aligned to its own; then names decide.
    """
    header: dict[str, object] = {}
    blocks, end = [], 0
    for name in sorted(arrays, key=lambda name: (-arrays[name].itemsize, name)):
        array = arrays[name]
        block = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        begin, end = end, end + block.nbytes
        kind = f"{block.dtype.kind}{block.dtype.itemsize}"
        header[name] = {"dtype": DTYPES[kind], "shape": array.shape, "data_offsets": [begin, end]}
        blocks.append(block)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # data starts at a multiple of 8 bytes
    stream.write(struct.pack("<Q", len(text)) + text)
    for block in blocks:
        stream.write(block.data)
