"""A file made of stretches of another and of bytes of our own: a mended header, then the sound.

Decoders are given a `Spliced` where the header of the file itself would mislead them. Nothing is
copied: what is read of it is read from the file at that moment.
"""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np


class Bytes(Protocol):
    """A file whose bytes can be read from any place on."""

    def read(self, size: int = -1, /) -> bytes: ...

    def seek(self, offset: int, whence: int = 0, /) -> int: ...


class Stretch(NamedTuple):
    """The bytes `start` to `stop` of a file; `swap` > 1: in groups of that many, last one first."""

    start: int
    stop: int
    swap: int = 1


Piece = bytes | Stretch


def size_of(piece: Piece) -> int:
    """How many bytes the piece gives."""
    if isinstance(piece, bytes):
        return len(piece)
    return max(0, piece.stop - piece.start) // piece.swap * piece.swap


class Spliced(io.RawIOBase):
    """The `pieces` one after the other as a seekable file. `file` stays the caller's to close."""

    def __init__(self, file: Bytes, pieces: Sequence[Piece]) -> None:
        super().__init__()
        self._file = file
        self._pieces = [piece for piece in pieces if size_of(piece)]
        self._starts = [0]
        for piece in self._pieces:
            self._starts.append(self._starts[-1] + size_of(piece))
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._starts[-1]}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def readinto(self, buffer: object, /) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        number = bisect_right(self._starts, self._at) - 1
        if number >= len(self._pieces):
            return 0
        within = self._at - self._starts[number]
        data = self._read(self._pieces[number], within, len(view))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _read(self, piece: Piece, at: int, most: int) -> bytes:
        """At most `most` bytes of the piece from its byte `at` on."""
        size = min(most, size_of(piece) - at)
        if isinstance(piece, bytes):
            return piece[at : at + size]
        first = at // piece.swap * piece.swap
        last = -(-(at + size) // piece.swap) * piece.swap
        self._file.seek(piece.start + first)
        data = self._file.read(last - first)
        if piece.swap == 1:
            return data
        whole = len(data) // piece.swap * piece.swap
        groups = np.frombuffer(data[:whole], np.uint8).reshape(-1, piece.swap)
        return groups[:, ::-1].tobytes()[at - first : at - first + size]
