"""Sorted string tables: the files of keys and values that LevelDB defines and TensorFlow uses.

leveldb/doc/table_format.md and tensorflow/core/lib/io/format.cc: blocks, an index block of where
they are, and a footer of 48 bytes that says where the index is. A block is followed by a byte that
says how it is packed and by its checksum.
"""

from __future__ import annotations

from collections.abc import Iterator

from unweave.models.readers._shared.crc32c import crc32c, masked
from unweave.models.readers._shared.errors import Refused
from unweave.models.readers._shared.protobuf import part, varint

FOOTER_BYTES = 48
MAGIC = bytes.fromhex("57fb808b247547db")
LONGEST_KEYS = 16_000_000  # bytes of all keys; those of a file can be many times as long as it


def items(table: memoryview) -> dict[bytes, memoryview]:
    """All keys and values. Raises Refused for damage, and for packed blocks."""
    if len(table) < FOOTER_BYTES or table[-len(MAGIC) :] != MAGIC:
        raise Refused("it is no table of TensorFlow's, or it is cut")
    footer = table[-FOOTER_BYTES:]
    _, at = _handle(footer, 0)  # of a block of filters, which TensorFlow leaves empty
    index, _ = _handle(footer, at)
    found: dict[bytes, memoryview] = {}
    last, room = None, LONGEST_KEYS
    for _, handle in _entries(_block(table, index)):
        for key, value in _entries(_block(table, _handle(handle, 0)[0])):
            room -= len(key)
            if room < 0 or (last is not None and key <= last):
                raise Refused("its keys are out of order, or too long")
            found[key] = value
            last = key
    return found


def _handle(data: memoryview, at: int) -> tuple[tuple[int, int], int]:
    """Where a block is and how long, and where that handle ends."""
    offset, at = varint(data, at)
    size, at = varint(data, at)
    return (offset, size), at


def _block(table: memoryview, handle: tuple[int, int]) -> memoryview:
    """The content of a block, its checksum right."""
    offset, size = handle
    whole = part(table, offset, size + 5)
    if masked(crc32c(whole[:-4])) != int.from_bytes(whole[-4:], "little"):
        raise Refused("a block of its table is damaged: its checksum differs")
    if whole[size]:
        raise Refused("its table is packed, which unweave does not read")
    return whole[:size]


def _entries(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Keys and values. A key is written as what differs from the one before it."""
    restarts = int.from_bytes(part(block, len(block) - 4, 4) if len(block) >= 4 else b"", "little")
    end = len(block) - 4 * (restarts + 1)  # behind the entries: where keys are written out
    if end < 0:
        raise Refused("a block of its table is too short")
    at, key, room = 0, b"", LONGEST_KEYS
    while at < end:
        shared, at = varint(block, at)
        own, at = varint(block, at)
        length, at = varint(block, at)
        key = key[:shared] + bytes(part(block[:end], at, own))
        room -= len(key)
        if room < 0:
            raise Refused("its keys are too long")
        value = part(block[:end], at + own, length)
        at += own + length
        yield key, value
