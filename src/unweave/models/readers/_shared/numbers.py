"""Bytes as rows of numbers."""

from __future__ import annotations

import errno
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from unweave.models.readers._shared.errors import Refused

if TYPE_CHECKING:
    import numpy as np

MOST_AXES = 32  # that numpy knows in every version


def width(dtype: str) -> int:
    """How many bytes a number has. dtype: as numpy calls it, or "bf16"."""
    import numpy as np  # facts of a card need none

    return 2 if dtype == "bf16" else np.dtype(dtype).itemsize


def count(shape: Sequence[int]) -> int:
    """How many numbers an array of that shape has. Raises Refused for more axes than there are.

    The product of a million sizes would take an hour.
    """
    if len(shape) > MOST_AXES:
        raise Refused(f"an array in it has {len(shape)} axes")
    return math.prod(shape)


def room(size: int) -> bytearray:
    """Memory for the bytes of an array. Raises OSError where there is not so much."""
    try:
        return bytearray(size)
    except MemoryError:
        reason = f"an array in it has {size} bytes, more than memory"
        raise OSError(errno.EFBIG, reason) from None


def row(data: bytes | bytearray | memoryview, dtype: str) -> np.ndarray:
    """The little-endian numbers in `data`, which it shares where it can, bfloat16 as float32."""
    import numpy as np

    if not data:
        return np.zeros(0, "<f4" if dtype == "bf16" else "<" + dtype)
    if dtype == "bf16":  # the upper half of a float32, which numpy lacks
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    return np.require(np.frombuffer(data, "<" + dtype), requirements="A")
