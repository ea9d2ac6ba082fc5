"""The wire format of protocol buffers: numbered fields, read without knowing their names."""

from __future__ import annotations

from collections.abc import Iterator

from unweave.models.readers._shared.errors import Refused


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The number and the value of every field in order: a whole number, or bytes.

    A signed number comes as its 64 bits; one of fixed width as its bits, too. Raises Refused for
    damage. (protobuf.dev, "Encoding".)
    """
    at = 0
    while at < len(message):
        tag, at = varint(message, at)
        value: int | memoryview
        match tag & 7:
            case 0:
                value, at = varint(message, at)
            case 1 | 5 as kind:
                width = 8 if kind == 1 else 4
                value, at = int.from_bytes(part(message, at, width), "little"), at + width
            case 2:
                length, at = varint(message, at)
                value, at = part(message, at, length), at + length
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


def part(data: memoryview, at: int, length: int) -> memoryview:
    """`length` bytes from `at` on. Raises Refused where there are fewer."""
    if at + length > len(data):
        raise Refused("a part of it lies beyond its end")
    return data[at : at + length]
