"""What people put into a pickle of weights: the arrays, and the settings beside them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from unweave.errors import quoted
from unweave.models.readers import Arrays, Settings
from unweave.models.readers._shared import demucs, diffq
from unweave.models.readers._shared.errors import Refused
from unweave.models.readers._shared.numbers import count, row, width
from unweave.models.readers._shared.pickles import Array, Name, Storage, Tensor

# Where checkpoints keep the network's arrays among other facts.
STATES = ("state_dict", "state", "model_state_dict", "model", "net")
# How names begin of a network in torch's DataParallel, in a Lightning module, and compiled.
WRAPPED = ("module.", "model.", "_orig_mod.")
MOST_TIMES = 4  # that all arrays together may be larger than their file
MOST_SETTINGS = 1_000_000
DEEPEST = 20

Numbers: TypeAlias = Callable[[Storage], "bytes | bytearray | memoryview"]
"""The bytes of a storage. Raises Refused for one that is not there."""


def arrays(value: object, numbers: Numbers, size: int) -> Arrays:
    """The arrays by name of what `unpickle` gave. They may be read-only; those share memory.

    size: of the file, unpacked, in bytes; the arrays of an honest one are hardly larger. Raises
    Refused when there is more than arrays, or one lies outside of its storage.
    """
    state, rest = _parts(value)
    if "compressed" in state:
        raise Refused("it is quantised in DiffQ's first form, which unweave does not read")
    storages: dict[tuple[str, str], np.ndarray] = {}
    users = Counter(each.storage.key for each in state.values() if isinstance(each, Tensor))

    def take(item: object) -> np.ndarray:
        match item:
            case Tensor(storage):
                key = storage.key, storage.dtype
                if key not in storages:
                    data = numbers(storage)
                    if len(data) != storage.count * width(storage.dtype):
                        name = quoted(storage.key)
                        raise Refused(f"its storage {name} has not {storage.count} numbers")
                    storages[key] = row(data, storage.dtype)
                return _view(item, storages[key], alone=users[storage.key] == 1)
            case Array() if item.array is not None:
                return item.array
        raise Refused("it has something else where an array belongs")

    if "__quantized" in state:
        klass = rest.get("klass")
        called = klass.name if isinstance(klass, Name) else ""
        order = demucs.parameters(called, rest.get("args"), rest.get("kwargs"))
        return diffq.expanded(state, order, take, size)
    found: Arrays = {}
    for name, item in state.items():
        empty = isinstance(item, Array) and item.array is None
        if type(name) is not str or not isinstance(item, (Tensor, Array)) or empty:
            raise Refused(f"it holds more than named arrays: {quoted(name)}")
        found[name] = take(item)
    # Arrays may share numbers, so that a short file could have any number of large ones.
    if sum(array.nbytes for array in found.values()) > MOST_TIMES * size:
        raise Refused("its tensors are parts of each other, many times over")
    while start := next((each for each in WRAPPED if _all_begin(found, each)), ""):
        found = {name.removeprefix(start): array for name, array in found.items()}
    return found


def _all_begin(arrays: Arrays, start: str) -> bool:
    return bool(arrays) and all(name.startswith(start) for name in arrays)


def settings(value: object) -> Settings:
    """What lies beside the arrays of what `unpickle` gave, as plain data.

    Classes are their names, tuples are lists. An entry with anything else is left out.
    """
    _, rest = _parts(value)
    found: Settings = {}
    plain = _Plain()
    for name, item in rest.items():
        try:
            found[str(name)] = plain.of(item, DEEPEST)
        except Refused:
            continue
    return found


def _parts(value: object) -> tuple[Mapping[object, object], Mapping[object, object]]:
    """The dict of arrays, and what lies beside it."""
    match value:
        case (Name() as network, arguments, keywords, dict(state)):  # Demucs, first version
            return state, {"klass": network, "args": arguments, "kwargs": keywords}
        case dict():
            for key in STATES:
                inner = value.get(key)
                if isinstance(inner, dict):
                    return inner, {name: item for name, item in value.items() if name != key}
            return value, {}
    raise Refused(f"it holds no dict of arrays but a {type(value).__name__}")


def _view(tensor: Tensor, row: np.ndarray, *, alone: bool) -> np.ndarray:
    """A tensor as a view of the row of its storage, read-only unless it is `alone` there and fills
    it. Raises Refused where it lies beyond."""
    shape, strides, total = tensor.shape, tensor.strides, count(tensor.shape)
    if not total:
        return np.zeros(shape, row.dtype)
    last = tensor.offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if last >= row.size or total > row.size:
        raise Refused(f"a tensor of shape {quoted(shape)} is larger than its storage")
    if alone and total == row.size and strides == _strides(shape):
        return row.reshape(shape)
    # The stride of an axis of one is any number, and may be one too large for a byte's address.
    steps = [step * row.itemsize if n > 1 else 0 for n, step in zip(shape, strides, strict=True)]
    return np.lib.stride_tricks.as_strided(row[tensor.offset :], shape, steps, writeable=False)


def _strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Of an array whose numbers lie one after another."""
    return tuple(math.prod(shape[n + 1 :]) for n in range(len(shape)))


class _Plain:
    """Values without classes; counts them, as lists in lists can be endless."""

    def __init__(self) -> None:
        self.left = MOST_SETTINGS

    def of(self, value: object, deep: int) -> object:
        self.left -= 1
        if self.left < 0 or deep < 0:
            raise Refused("its settings are endless")
        match value:
            case None | bool() | int() | float() | str() | Fraction():
                return value
            case Name(name):
                return name
            case list() | tuple():
                return [self.of(item, deep - 1) for item in value]
            case dict():
                return {str(key): self.of(item, deep - 1) for key, item in value.items()}
        raise Refused("it is no plain data")
