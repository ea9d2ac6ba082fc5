"""The wire format of protocol buffers: numbered fields, read without knowing their names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from unweave.models.readers._shared.errors import Refused

Value: TypeAlias = int | memoryview
"""Of a field: a whole number, or the bytes of a text, a list of numbers or another message."""


def fields(data: memoryview) -> Iterator[tuple[int, Value]]:
    """The number and the value of every field of a message, in order.

    A signed number comes as its 64 bits; one of fixed width as its bits, too. Raises Refused for
    damage. (protobuf.dev, "Encoding".)
    """
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        value: Value
        match tag & 7:
            case 0:
                value, at = varint(data, at)
            case 1 | 5 as kind:
                width = 8 if kind == 1 else 4
                value, at = int.from_bytes(part(data, at, width), "little"), at + width
            case 2:
                length, at = varint(data, at)
                value, at = part(data, at, length), at + length
            case kind:
                raise Refused(f"a message in it has a field of the unknown kind {kind}")
        yield tag >> 3, value


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """The number of up to 64 bits, seven to a byte, at `at`, and where it ends."""
    value = 0
    for n, byte in enumerate(data[at : at + 10]):
        value |= (byte & 127) << 7 * n
        if byte < 128:
            return value & (1 << 64) - 1, at + n + 1
    raise Refused("a number in it has no end")


def varints(data: memoryview) -> Iterator[int]:
    """The numbers of a list that is packed in one field."""
    at = 0
    while at < len(data):
        value, at = varint(data, at)
        yield value


def part(data: memoryview, at: int, length: int) -> memoryview:
    """`length` bytes from `at` on. Raises Refused where there are fewer."""
    if at + length > len(data):
        raise Refused("a part of it lies beyond its end")
    return data[at : at + length]


def whole(value: Value) -> int:
    """A value that is a number."""
    if not isinstance(value, int):
        raise Refused("a message in it has bytes where a number belongs")
    return value


def message(value: Value) -> memoryview:
    """A value that is bytes."""
    if isinstance(value, int):
        raise Refused("a message in it has a number where a message belongs")
    return value


def text(value: Value) -> str:
    """A value that is text."""
    try:
        return bytes(message(value)).decode()
    except UnicodeDecodeError:
        raise Refused("a name in it is no text") from None
