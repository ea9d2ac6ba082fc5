"""PyTorch's zip files and pickles of numpy arrays, without running what is in them.

A pickle is a program. This reader runs it with every instruction that could reach Python taken
away: the few names that a pickled array or tensor needs stand for small recorders of our own, which
check sizes and build arrays; any other name ends the reading.
"""

from __future__ import annotations

import math
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np

from unweave.errors import WeightsError
from unweave.models.readers.safetensors import DTYPES

# Where checkpoints keep the network's arrays among other facts.
STATES = ("state_dict", "state", "model")
STORAGES = {
    "HalfStorage": "f2", "FloatStorage": "f4", "DoubleStorage": "f8", "CharStorage": "i1",
    "ShortStorage": "i2", "IntStorage": "i4", "LongStorage": "i8", "ByteStorage": "u1",
    "BoolStorage": "b1", "BFloat16Storage": "bf16",
}  # fmt: skip


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays by name that `path` holds: a torch archive, or a pickle of numpy arrays.

    The arrays may be read-only. Raises WeightsError when the file holds anything else.
    """
    try:
        with open(path, "rb") as file:
            if file.read(4) != b"PK\x03\x04":
                file.seek(0)
                return _unpickle(file, path, _no_storage)
            with zipfile.ZipFile(file) as archive:
                found = _member(archive, path)
                folder = found.filename.removesuffix("data.pkl")
                order = f"{folder}byteorder"
                if order in archive.namelist() and archive.read(order) != b"little":
                    raise WeightsError(f"{path}: its numbers are not little-endian")

                def storage(key: str) -> bytes:
                    try:
                        info = archive.getinfo(f"{folder}data/{key}")
                    except KeyError:
                        raise _Refused(f"its storage {key!r:.60} is not in the archive") from None
                    _check_stored(info, path)
                    return archive.read(info)

                with archive.open(found) as inner:
                    return _unpickle(inner, path, storage)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
    except zipfile.BadZipFile as error:
        raise WeightsError(f"{path}: damaged archive ({error})") from error


def _member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    found = [info for info in archive.infolist() if info.filename.rpartition("/")[2] == "data.pkl"]
    if len(found) != 1:
        raise WeightsError(f"{path}: not weights (an archive with {len(found)} files 'data.pkl')")
    _check_stored(found[0], path)
    return found[0]


def _check_stored(info: zipfile.ZipInfo, path: Path) -> None:
    """torch never compresses; refusing it means that a file cannot unpack to more than its size."""
    if info.compress_type != zipfile.ZIP_STORED:
        raise WeightsError(f"{path}: a compressed archive, which unweave does not read")


def _no_storage(key: str) -> NoReturn:
    raise _Refused("its arrays lie in other files")


def _unpickle(stream: Any, path: Path, storage: Callable[[str], bytes]) -> dict[str, np.ndarray]:
    try:
        content = _ArrayUnpickler(stream, storage).load()
        if not isinstance(content, dict):
            raise _Refused(f"holds no dict of arrays but a {type(content).__name__}")
        state = next(
            (content[key] for key in STATES if isinstance(content.get(key), dict)), content
        )
        arrays = {}
        for name, value in state.items():
            array = value.array if type(value) is _Array else value
            if type(name) is not str or not isinstance(array, np.ndarray):
                raise _Refused(f"holds more than named arrays: {name!r:.60}")
            arrays[name] = array
        return arrays
    except WeightsError:
        raise
    except _Refused as error:
        raise WeightsError(f"{path}: refused, {error}") from error
    except Exception as error:  # a damaged pickle fails in many ways
        reason = f"{type(error).__name__}: {error}".replace("\n", " ")
        raise WeightsError(f"{path}: damaged, not a readable pickle ({reason:.120})") from error


class _Refused(Exception):
    """The file contains something that arrays do not need."""


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


class _Dict(dict[object, object]):
    """`collections.OrderedDict`: attributes, such as a module's versions, are left out."""

    def __init__(self, *args: object) -> None:
        if args:
            raise _Refused("it makes a dict of something else")
        super().__init__()

    def __setstate__(self, state: object) -> None:
        """Nothing of it is kept."""


class _StorageType(_Name):
    """`torch.FloatStorage` and the like: a number type, named only."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype


class _Storage:
    """All numbers of a storage, one after the other."""

    __slots__ = ("numbers",)

    def __init__(self, numbers: np.ndarray) -> None:
        self.numbers = numbers

    def __setstate__(self, state: object) -> NoReturn:
        raise _Refused("it changes what it may only name")


class _MakeTensor(_Name):
    """`torch._utils._rebuild_tensor_v2`: a part of a storage, by sizes and strides."""

    __slots__ = ()

    def __call__(self, *args: object) -> object:
        match args:
            case [_Storage() as storage, int(offset), tuple(shape), tuple(strides), *_]:
                flat, sizes = storage.numbers, (offset, *shape, *strides)
                if not all(type(n) is int and n >= 0 for n in sizes) or len(shape) != len(strides):
                    raise _Refused(f"a tensor has the shape {shape!r:.60}")
                if not math.prod(shape):
                    return np.zeros(shape, flat.dtype)
                last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
                if last >= flat.size or math.prod(shape) > flat.size:
                    raise _Refused(f"a tensor of shape {shape!r:.60} is larger than its storage")
                steps = [step * flat.itemsize for step in strides]
                return np.lib.stride_tricks.as_strided(flat[offset:], shape, steps, writeable=False)
        raise _Refused("a tensor has an unknown form")


class _MakeParameter(_Name):
    """`torch._utils._rebuild_parameter`: the tensor itself."""

    __slots__ = ()

    def __call__(self, *args: object) -> object:
        match args:
            case [np.ndarray() as tensor, *_]:
                return tensor
        raise _Refused("a parameter is no tensor")


class _ArrayUnpickler(pickle.Unpickler):
    def __init__(self, stream: Any, storage: Callable[[str], bytes]) -> None:
        super().__init__(stream)
        self.storage = storage
        self.storages: dict[str, _Storage] = {}

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
            case "collections", "OrderedDict":
                return _Dict
            case "torch", _ if name in STORAGES:
                return _StorageType(STORAGES[name])
            case "torch._utils", "_rebuild_tensor_v2":
                return _MakeTensor()
            case "torch._utils", "_rebuild_parameter":
                return _MakeParameter()
        raise _Refused(f"it refers to {module}.{name}, which arrays do not need")

    def persistent_load(self, pid: object) -> _Storage:
        """A storage, which lies in the archive beside the pickle."""
        match pid:
            case ("storage", _StorageType() as kind, str(key), str(), int(count)):
                if key not in self.storages:
                    self.storages[key] = _Storage(_numbers(self.storage(key), kind.dtype))
                if self.storages[key].numbers.size != count:
                    raise _Refused(f"its storage {key!r:.60} has not {count} numbers")
                return self.storages[key]
        raise _Refused("its arrays lie in other files")


def _numbers(data: bytes, dtype: str) -> np.ndarray:
    if dtype == "bf16":  # the upper half of a float32, which numpy lacks
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    return np.frombuffer(data, "<" + dtype)
