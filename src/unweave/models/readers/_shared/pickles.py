"""The value that a pickle makes, built without running it.

A pickle is a program for a machine with a stack. This is that machine with everything taken out
that could reach Python: it has the instructions that arrays, numbers, words, lists and dicts need,
and the names below, which stand for records of ours. Nothing is imported, looked up or called. Any
other instruction and any other name ends the reading.

Time and memory grow with the length of the pickle only, up to a limit: no number in it reserves
anything.
"""

from __future__ import annotations

import io
import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from unweave.errors import quoted
from unweave.models.readers._shared.errors import Refused, plain
from unweave.models.readers._shared.numbers import count
from unweave.models.readers.safetensors import DTYPES

# What torch calls its storages -> what numpy calls their numbers; "bf16" it does not have.
STORAGES = {
    "torch.HalfStorage": "f2", "torch.FloatStorage": "f4", "torch.DoubleStorage": "f8",
    "torch.CharStorage": "i1", "torch.ShortStorage": "i2", "torch.IntStorage": "i4",
    "torch.LongStorage": "i8", "torch.ByteStorage": "u1", "torch.BoolStorage": "b1",
    "torch.BFloat16Storage": "bf16",
}  # fmt: skip

NETWORKS = (
    "demucs.htdemucs.HTDemucs", "demucs.hdemucs.HDemucs", "demucs.wdemucs.WDemucs",
    "demucs.demucs.Demucs", "demucs.model.Demucs", "demucs.tasnet.ConvTasNet",
    "diffq.diffq.DiffQuantizer",
)  # fmt: skip
"""Classes that Demucs' files name beside the arguments of their constructor."""

SETTINGS = frozenset((
    "argparse.Namespace", "pathlib.PosixPath", "pathlib.WindowsPath",
    "omegaconf.dictconfig.DictConfig", "omegaconf.listconfig.ListConfig",
    "omegaconf.base.ContainerMetadata", "omegaconf.base.Metadata", "omegaconf.nodes.AnyNode",
    "ml_collections.config_dict.config_dict.ConfigDict", "typing.Any", "collections.defaultdict",
    "builtins.dict", "builtins.list", "builtins.int", "builtins.str",
))  # fmt: skip
"""Classes of objects that training programs keep beside the weights; what they hold is left out."""

MOST_INSTRUCTIONS = 5_000_000  # a network of ten thousand arrays has half a million
VALUES = frozenset((
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE",
    "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
))  # fmt: skip
"""Instructions that push what stands behind them."""


@dataclass(frozen=True, slots=True)
class Name:
    """A class or a function by its name, and no more of it."""

    name: str


@dataclass(frozen=True, slots=True)
class Opaque:
    """An object of one of the classes in SETTINGS, without what is in it."""

    name: str


@dataclass(frozen=True, slots=True)
class Storage:
    """Numbers that lie outside of the pickle, under `key`. dtype: as in STORAGES."""

    key: str
    dtype: str
    count: int


@dataclass(frozen=True, slots=True)
class Tensor:
    """A part of a storage; offset and strides count numbers."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Array:
    """A numpy array, empty until the pickle hands over its state."""

    __slots__ = ("array",)

    def __init__(self) -> None:
        self.array: np.ndarray | None = None

    def fill(self, state: object) -> None:
        match state:
            case (1, tuple(shape), DType() as dtype, bool(fortran), bytes(data)):
                numbers = np.frombuffer(data, dtype.numpy) if data else np.zeros(0, dtype.numpy)
                if not sizes(shape):
                    raise Refused(f"an array has the shape {quoted(shape)}")
                if count(shape) != numbers.size:
                    raise Refused(f"an array of shape {quoted(shape)} has {len(data)} bytes")
                order: Literal["C", "F"] = "F" if fortran else "C"
                self.array = numbers.reshape(shape, order=order)
                return
        raise Refused("an array has an unknown form")


@dataclass(frozen=True, slots=True)
class DType:
    """A number type by its short name, little-endian."""

    name: str

    @property
    def numpy(self) -> np.dtype:
        return np.dtype("<" + self.name)


def sizes(values: tuple[object, ...]) -> bool:
    """Whether all are whole numbers that a size, a stride or an offset may be."""
    return all(type(n) is int and 0 <= n < 2**63 for n in values)


def unpickle(stream: io.BytesIO, storages: list[Storage] | None = None) -> object:
    """The value of the pickle that begins where `stream` is; then `stream` is behind it.

    Every storage that it names is appended to `storages`. Raises Refused for what weights do not
    need, and ValueError or IndexError for damage.
    """
    return _Machine(stream, [] if storages is None else storages).run()


class _Machine:
    """The stack, what is set aside below the marks, the memo, and the room for copies."""

    def __init__(self, stream: io.BytesIO, storages: list[Storage]) -> None:
        self.stream = stream
        self.storages = storages
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[Any, object] = {}
        self.size = self.room = len(stream.getbuffer())

    def run(self) -> object:
        for step, (opcode, argument, _) in enumerate(pickletools.genops(self.stream)):
            if step >= MOST_INSTRUCTIONS:
                raise Refused(f"its pickle has more than {MOST_INSTRUCTIONS} instructions")
            match opcode.name:
                case "BINPUT" | "LONG_BINPUT":
                    self.memo[argument] = self.stack[-1]
                case "MEMOIZE":
                    self.memo[len(self.memo)] = self.stack[-1]
                case "BINGET" | "LONG_BINGET":
                    self.stack.append(self.memo[argument])
                case name if name in VALUES:
                    self.stack.append(argument)
                case "NONE" | "NEWTRUE" | "NEWFALSE" as name:
                    self.stack.append({"NEWTRUE": True, "NEWFALSE": False}.get(name))
                case "EMPTY_TUPLE":
                    self.stack.append(())
                case "EMPTY_LIST":
                    self.stack.append([])
                case "EMPTY_DICT":
                    self.stack.append({})
                case "MARK":
                    self.below.append(self.stack)
                    self.stack = []
                case "TUPLE":
                    items = self.since_mark()  # which changes the stack
                    self.stack.append(tuple(items))
                case "TUPLE1" | "TUPLE2" | "TUPLE3" as name:
                    items = [self.stack.pop() for _ in range(int(name[-1]))]
                    self.stack.append(tuple(reversed(items)))
                case "APPEND":
                    self.extend([self.stack.pop()])
                case "APPENDS":
                    self.extend(self.since_mark())
                case "SETITEM":
                    value, key = self.stack.pop(), self.stack.pop()
                    self.update([key, value])
                case "SETITEMS":
                    self.update(self.since_mark())
                case "GLOBAL":
                    self.stack.append(_name(*argument.split(" ", 1)))
                case "STACK_GLOBAL":
                    name, module = self.stack.pop(), self.stack.pop()
                    self.stack.append(_name(module, name))
                case "REDUCE" | "NEWOBJ":
                    arguments, function = self.stack.pop(), self.stack.pop()
                    self.stack.append(self.made(function, arguments))
                case "BUILD":
                    state = self.stack.pop()
                    _build(self.stack[-1], state)
                case "BINPERSID":
                    self.stack.append(_outside(self.stack.pop()))
                    if isinstance(self.stack[-1], Storage):
                        self.storages.append(self.stack[-1])
                case "PROTO" | "FRAME":
                    if argument > {"PROTO": 5, "FRAME": self.size}[opcode.name]:
                        raise Refused("its pickle is of an unknown version, or cut")
                case "STOP":
                    break
                case name:
                    raise Refused(f"its pickle has the instruction {name}, which weights lack")
        return self.stack.pop()

    def since_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.below.pop()
        return items

    def extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise Refused("it appends to what is no list")
        self.stack[-1].extend(items)

    def update(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not dict:
            raise Refused("it sets items of what is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            match key:
                case str() | bytes() | Name() | None:
                    pass
                case int() if abs(key) < 2**60:
                    pass
                case _:  # tuples of tuples take for ever to hash, and large numbers collide
                    raise Refused(f"a dict in it has a key of the type {type(key).__name__}")
            self.stack[-1][key] = value

    def made(self, function: object, arguments: object) -> object:
        """What a call would give, for the calls that weights need."""
        match function, arguments:
            case Name("_codecs.encode"), (str(text), "latin1"):
                self.room -= len(text)  # a short pickle can name one long text many times
                if self.room < 0:
                    raise Refused("it copies its text again and again")
                return text.encode("latin1")
            case Name("_codecs.encode"), _:
                raise Refused("it encodes text other than as latin1")
            case Name(name), tuple() if name in SETTINGS:
                return Opaque(name)
            case Name(name), tuple() if name in CALLS:
                return CALLS[name](*arguments)
        raise Refused(f"it calls what is not a function: {quoted(function)}")


def _name(module: object, name: object) -> Name:
    """A name, if it is one of those that weights need."""
    if not isinstance(module, str) or not isinstance(name, str):
        raise Refused("it refers to what has no name")
    # Python 2 and numpy 2 have these under other names.
    same = {"__builtin__": "builtins", "numpy._core.multiarray": "numpy.core.multiarray"}
    full = f"{same.get(module, module)}.{name}"
    if full not in KNOWN:
        if full.startswith("diffq."):
            raise Refused(f"it is quantised by {plain(full)}, which unweave does not read")
        raise Refused(f"it refers to {plain(f'{module}.{name}')}, which weights do not need")
    return Name(full)


def _build(value: object, state: object) -> None:
    """What `value` does with its state: a dict's and a setting's attributes are left out."""
    match value:
        case Array():
            value.fill(state)
        case DType():
            match state:
                case (3, "<" | "|", None, None, None, -1, -1, 0):
                    return
            raise Refused("its numbers are not plain little-endian ones")
        case dict() | Opaque():
            pass
        case _:
            raise Refused("it changes what it may only name")


def _outside(where: object) -> Storage | Name:
    """What a pickle says of something that lies outside of it."""
    match where:
        case ("storage", Name(kind), str(key), str(), count, *view) if kind in STORAGES:
            if sizes((count,)) and view in ([], [None]):
                return Storage(key, STORAGES[kind], count)
        case ("module", Name() as network, _, _):  # with the path and the text of its source
            return network
    raise Refused("its arrays lie in other files")


def _ordered_dict(*items: object) -> dict[object, object]:
    if items:
        raise Refused("it makes a dict of something else")
    return {}


def _no_bytes(*values: object) -> bytes:
    if values:
        raise Refused("it makes bytes of something else")
    return b""


def _fraction(*parts: object) -> Fraction:
    """Of a text, as older versions of Python write it, or of two numbers."""
    if len(parts) == 1 and isinstance(parts[0], str):
        match_ = re.fullmatch(r"(-?[0-9]{1,18})(?:/([0-9]{1,18}))?", parts[0])
        parts = tuple(int(part or 1) for part in match_.groups()) if match_ else ()
    match parts:
        case (int(above), int(below)) if abs(above) < 2**63 and 0 < below < 2**63:
            return Fraction(above, below)
    raise Refused("a fraction in it has an unknown form")


def _dtype(*arguments: object) -> DType:
    match arguments:
        case [str(name), *_] if name in DTYPES:
            return DType(name)
    raise Refused(f"it holds arrays of {quoted(arguments[0] if arguments else None)}")


def _array(*arguments: object) -> Array:
    return Array()


def _scalar(*arguments: object) -> object:
    match arguments:
        case (DType() as dtype, bytes(data)) if len(data) == dtype.numpy.itemsize:
            value: object = np.frombuffer(data, dtype.numpy)[0].item()
            return value
    raise Refused("a number in it has an unknown form")


def _tensor(*arguments: object) -> Tensor:
    match arguments:
        case [Storage() as storage, int(offset), tuple(shape), tuple(strides), *_]:
            if not sizes((offset, *shape, *strides)) or len(shape) != len(strides):
                raise Refused(f"a tensor has the shape {quoted(shape)}")
            return Tensor(storage, offset, shape, strides)
    raise Refused("a tensor has an unknown form")


def _parameter(*arguments: object) -> Tensor:
    match arguments:
        case [Tensor() as tensor, *_]:
            return tensor
    raise Refused("a parameter is no tensor")


CALLS: dict[str, Callable[..., object]] = {
    "builtins.bytes": _no_bytes,  # how pickles of protocol 2 write an empty one
    "collections.OrderedDict": _ordered_dict,
    "fractions.Fraction": _fraction,
    "numpy.core.multiarray._reconstruct": _array,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy.dtype": _dtype,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_tensor_v2": _tensor,
}
KNOWN = frozenset((*CALLS, *SETTINGS, *NETWORKS, *STORAGES, "_codecs.encode", "numpy.ndarray"))
