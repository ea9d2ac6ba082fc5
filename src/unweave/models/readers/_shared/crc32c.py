"""CRC-32C (Castagnoli), which LevelDB and TensorFlow protect their files with, without a library.

A CRC is linear: that of two parts one after the other is the first's, carried over as many zeros as
the second has bytes, exclusive-or the second's, and carrying is a matrix of bits. So many parts of
a large array go forward side by side, two bytes at a step, and are put together in pairs. (Ross
Williams, "A painless guide to CRC error detection algorithms", 1993; zlib's `crc32_combine`.)
"""

from __future__ import annotations

from functools import cache

import numpy as np

POLYNOMIAL = 0x82F63B78  # with its bits in reverse order, like all states below
LANES = 2048  # parts that go forward side by side, a power of two


def crc32c(data: bytes | memoryview) -> int:
    """The checksum of `data`."""
    state = 0xFFFFFFFF
    steps = len(data) // (2 * LANES)
    if steps:
        words = np.frombuffer(data, "<u2", LANES * steps).reshape(LANES, steps)
        state, data = _many(words, state), data[2 * LANES * steps :]
    table = _table(8).tolist()
    for byte in data:
        state = table[state & 0xFF ^ byte] ^ state >> 8
    return state ^ 0xFFFFFFFF


def masked(checksum: int) -> int:
    """A checksum as files hold it, since one over checksums says little (leveldb/util/crc32c.h)."""
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _many(words: np.ndarray, state: int) -> int:
    """The state after words (lanes, steps), lane after lane, that follow on `state`."""
    lanes = np.zeros(len(words), np.uint32)
    lanes[0] = state
    table = _table(16)
    for word in words.T:
        lanes = table[lanes & 0xFFFF ^ word] ^ lanes >> 16
    carry = _carry(2 * words.shape[1])
    while len(lanes) > 1:
        lanes = _times(carry, lanes[::2]) ^ lanes[1::2]
        carry = _times(carry, carry)
    return int(lanes[0])


@cache
def _table(bits: int) -> np.ndarray:
    """What so many bits, the first of them lowest, make of a state of zeros (2**bits,)."""
    states: np.ndarray = np.arange(1 << bits, dtype=np.uint32)
    for _ in range(bits):
        states = states >> 1 ^ np.where(states & 1, np.uint32(POLYNOMIAL), np.uint32(0))
    return states


def _carry(count: int) -> np.ndarray:
    """The matrix (32,) of `count` bytes of zeros: what becomes of each bit of a state."""
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    result, power = bits, _table(8)[bits & 0xFF] ^ bits >> 8
    while count:
        if count & 1:
            result = _times(power, result)
        power, count = _times(power, power), count >> 1
    return result


def _times(matrix: np.ndarray, states: np.ndarray) -> np.ndarray:
    """The product of a matrix of bits (32,) and of each of the states (n,)."""
    bits = states[:, None] >> np.arange(32, dtype=np.uint32) & 1
    product: np.ndarray = np.bitwise_xor.reduce(bits * matrix, axis=1)
    return product
