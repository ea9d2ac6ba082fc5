"""Sound that waits on the disk: blocks are written one behind the other and read by their samples.

The file has no name where the system allows that, and goes with the process however that ends.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import IO

import numpy as np

from unweave.core.files import advice
from unweave.errors import OutputError
from unweave.types import Wave

BLOCK = 1 << 16  # samples that are read at once


class Spool:
    """Blocks `(..., time)` float32 of one signal, in the folder for temporary files.

    Raises OutputError where the disk takes no more.
    """

    def __init__(self) -> None:
        import tempfile  # slow to import

        self.length = 0  # samples so far
        self._lead: tuple[int, ...] = ()
        with _told():
            self._file: IO[bytes] = tempfile.TemporaryFile(prefix="unweave-", buffering=0)
        self.close = weakref.finalize(self, self._file.close)  # at the latest

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, block: Wave) -> None:
        """Add a block; all have one shape but for the time."""
        # Time leads in the file, so that any part of the signal lies in one piece.
        samples = np.ascontiguousarray(np.moveaxis(block, -1, 0), np.float32)
        self._lead = samples.shape[1:]
        with _told():
            self._file.seek(0, 2)
            rest = samples.reshape(-1).view(np.uint8).data
            while rest:
                rest = rest[self._file.write(rest) :]
        self.length += len(samples)

    def blocks(self, start: int = 0, stop: int | None = None) -> Iterator[Wave]:
        """The signal, or its samples from `start` up to `stop`."""
        stop = self.length if stop is None else stop
        for first in range(start, stop, BLOCK):
            count = min(BLOCK, stop - first)
            samples = np.empty((count, *self._lead), np.float32)
            with _told():
                self._file.seek(first * int(np.prod(self._lead)) * samples.itemsize)
                rest = samples.reshape(-1).view(np.uint8).data
                while rest:
                    read = self._file.readinto(rest)  # type: ignore[attr-defined]
                    if not read:
                        raise OSError("the temporary file was cut")
                    rest = rest[read:]
            yield np.ascontiguousarray(np.moveaxis(samples, 0, -1))


@contextmanager
def _told() -> Iterator[None]:
    import tempfile

    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{tempfile.gettempdir()}: stems cannot wait there ({advice(error)}): make room, or "
            "name another folder by the variable TMPDIR"
        ) from error
