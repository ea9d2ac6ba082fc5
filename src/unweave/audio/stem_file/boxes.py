"""Boxes of an MP4, taken apart, changed and put together again (ISO/IEC 14496-12, 4.2).

A box is its size in four bytes, its kind in four, its content. Contents are bytes, and a change is
a function from content to content.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

Change = Callable[[bytes], bytes]

_HEAD = 8
_META = b"meta"  # has four bytes of its own before the boxes in it
_SOUND_ENABLED = 1  # the bit of a track's flags
# Where a track's header (tkhd) has its flags and its group of alternatives, by its version.
_FLAGS, _GROUP = 3, {0: 34, 1: 46}


def box(kind: bytes, content: bytes) -> bytes:
    """A box as it lies in a file."""
    return (_HEAD + len(content)).to_bytes(4, "big") + kind + content


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of the boxes side by side in `data`, which is whole."""
    at = 0
    while at + _HEAD <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size < _HEAD:
            return
        yield data[at + 4 : at + _HEAD], data[at + _HEAD : at + size]
        at += size


def changed(data: bytes, path: Sequence[bytes], change: Change) -> bytes:
    """The boxes in `data` with the contents at the end of `path` changed.

    A box of the path that is not there is made, empty, behind the others.
    """
    kind, *rest = path
    own = b"\0" * 4 if kind == _META else b""

    def inner(content: bytes) -> bytes:
        head, content = content[: len(own)] or own, content[len(own) :]
        return head + changed(content, rest, change) if rest else change(head + content)

    found = list(boxes(data))
    if all(name != kind for name, _ in found):
        found.append((kind, b""))
    return b"".join(
        box(name, inner(content) if name == kind else content) for name, content in found
    )


def appended(addition: bytes) -> Change:
    """Boxes behind those in a content."""
    return lambda content: content + addition


def enabled_alone(moov: bytes, first: int = 0) -> bytes:
    """The tracks of `moov`, number `first` enabled and all others not, and none an alternative.

    FFmpeg calls all streams of sound alternatives of each other, of which a player plays one; those
    of a stem file are meant to be played together.
    """
    found, number = [], -1
    for kind, content in boxes(moov):
        if kind == b"trak":
            number += 1
            content = changed(content, [b"tkhd"], _header(number == first))
        found.append(box(kind, content))
    return b"".join(found)


def _header(enabled: bool) -> Change:
    def change(content: bytes) -> bytes:
        header = bytearray(content)
        header[_FLAGS] = header[_FLAGS] & ~_SOUND_ENABLED | (_SOUND_ENABLED if enabled else 0)
        at = _GROUP[header[0]]
        header[at : at + 2] = b"\0\0"
        return bytes(header)

    return change


def rewrite_last(file: BinaryIO, kind: bytes, change: Change) -> None:
    """Change the content of the last box of a file, which is of that kind. Raises OSError."""
    length = file.seek(0, os.SEEK_END)
    at, size, head = 0, 0, b""
    while at < length:
        file.seek(at)
        head = file.read(16)
        size = int.from_bytes(head[:4], "big")
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        if at + size >= length or size < _HEAD:
            break
        at += size
    if head[4:8] != kind or at + size != length:
        raise ValueError(f"the last box of the file is not {kind.decode()}")
    file.seek(at + _HEAD)
    made = box(kind, change(file.read()))
    file.seek(at)
    file.write(made)
    file.truncate()
