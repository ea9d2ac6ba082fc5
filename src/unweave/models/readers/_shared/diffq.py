"""What DiffQ packs: numbers of 1 to 14 bits without names, as float32 arrays with names.

Défossez, Adi and Synnaeve, "Differentiable model compression via pseudo quantization noise",
arXiv 2104.09987, 2021. A large array lies in groups, each with a count of bits of its own: a level
`n` of `b` bits stands for `low + (high - low) * n / (2^b - 1)`. Levels of one count of bits lie
together, packed in blocks of 64 x 32 numbers: word `j` of plane `k` of a block has in its bit `i`
the bit `k` of number `32 i + j`. Small arrays are float32 or float16. Which parameter an array is,
its place in the order of the network's class tells (`_shared/demucs`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from unweave.errors import quoted
from unweave.models.readers import Arrays
from unweave.models.readers._shared.errors import Refused
from unweave.models.readers._shared.numbers import count

QUANTIZER = "diffq.diffq.DiffQuantizer"
WORDS, BITS = 32, 64  # of a plane of a block
BLOCK = WORDS * BITS
MOST_BITS = 14  # DiffQ itself leaves out what has 15
MIN_SIZE, GROUP_SIZE, MIN_BITS = 0.01, 1, 2  # its defaults
MEGABYTE = 1 << 20
MOST_TIMES = 32  # that float32 is larger than 1 bit

Take: TypeAlias = Callable[[object], np.ndarray]
"""The numbers of a tensor of the file. Raises Refused for anything else."""
Parameters: TypeAlias = Iterator[tuple[str, tuple[int, ...]]]


def expanded(state: Mapping[object, Any], parameters: Parameters, take: Take, size: int) -> Arrays:
    """The arrays of a state that DiffQ packed.

    parameters: the name and the shape of every parameter of the network, in its order. size: of the
    file in bytes, which the arrays are no more than `MOST_TIMES` of. Raises Refused where these and
    the state differ.
    """
    meta = state.get("meta")
    if not isinstance(meta, dict) or getattr(meta.get("klass"), "name", "") != QUANTIZER:
        raise Refused("it is quantised by a class that unweave does not read")
    if meta.get("packed") is not True or meta.get("torch_pack", False):
        raise Refused("it is quantised in a form that unweave does not read")
    told = meta.get("init_kwargs")
    told = told if isinstance(told, dict) else {}
    small = _number(told.get("min_size", MIN_SIZE)) * MEGABYTE / 4
    group = int(_number(told.get("group_size", GROUP_SIZE)))
    least = int(_number(told.get("min_bits", MIN_BITS)))
    if told.get("exclude") or group < 1:
        raise Refused("it is quantised with settings that unweave does not read")
    plain = "float16" if told.get("float16") else "others"
    queues = {key: iter(_list(state.get(key))) for key in ("quantized", plain)}
    found: Arrays = {}
    room = MEGABYTE + MOST_TIMES * size
    for name, shape in parameters:
        room -= 4 * count(shape)
        if room < 0:
            raise Refused(f"its arrays are more than {MOST_TIMES} times as large as it")
        large = count(shape) > small
        item = next(queues["quantized" if large else plain], None)
        if item is None:
            raise Refused(f"it has no numbers for {quoted(name)}")
        array = _unpacked(item, count(shape), group, least, take) if large else take(item)
        if array.size != count(shape) or (not large and array.shape != shape):
            raise Refused(f"its {quoted(name)} is not of shape {quoted(shape)}")
        found[name] = array.reshape(shape)
    if any(next(queue, None) is not None for queue in queues.values()):
        raise Refused("it has more arrays than its network")
    return found


def _unpacked(item: Any, size: int, group: int, least: int, take: Take) -> np.ndarray:
    """The numbers (size,) of one array: levels by their bits, the range, the bits of each group."""
    match item:
        case (list(packed), (float(low), float(high)), packed_bits):
            pass
        case _:
            raise Refused("a quantised array has an unknown form")
    if size % group:
        raise Refused(f"a quantised array has {size} numbers in groups of {group}")
    bits = _levels(take(packed_bits), size // group) + np.int16(least)
    if bits.min(initial=1) < 1 or bits.max(initial=1) > MOST_BITS or len(packed) != MOST_BITS:
        raise Refused(f"a quantised array has other than 1 to {MOST_BITS} bits")
    levels = np.zeros((size // group, group), np.int16)
    for bit, each in enumerate(packed, 1):
        chosen = bits == bit
        if (each is not None) != bool(chosen.any()):
            raise Refused(f"a quantised array contradicts itself: levels of {bit} bits")
        if each is not None:
            levels[chosen] = _levels(take(each), int(chosen.sum()) * group).reshape(-1, group)
    unit = np.float32(1) / (np.float32(2) ** bits.astype(np.float32) - np.float32(1))
    shares = levels.astype(np.float32) * unit[:, None]
    return (shares * np.float32(high - low) + np.float32(low)).ravel()


def _levels(packed: np.ndarray, size: int) -> np.ndarray:
    """The first `size` whole numbers, int16, of planes (block, bit, word)."""
    blocks = -(-size // BLOCK)
    if packed.dtype != np.int64 or packed.ndim != 3 or packed.shape[::2] != (blocks, WORDS):
        raise Refused(f"a quantised array has planes of shape {quoted(packed.shape)}")
    if packed.shape[1] > MOST_BITS + 1:
        raise Refused(f"a quantised array has levels of {packed.shape[1]} bits")
    found = np.zeros((blocks, BITS, WORDS), np.int16)
    for bit in range(packed.shape[1]):
        words = np.ascontiguousarray(packed[:, bit], "<i8").view(np.uint8)
        plane = np.unpackbits(words, bitorder="little").reshape(blocks, WORDS, BITS)
        found |= plane.transpose(0, 2, 1).astype(np.int16) << bit
    return found.ravel()[:size]


def _number(value: object) -> float:
    if not isinstance(value, (int, float)) or not 0 <= value <= 1 << 20:
        raise Refused(f"a setting of its quantisation is {quoted(value)}")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise Refused("its quantised state has an unknown form")
    return value
