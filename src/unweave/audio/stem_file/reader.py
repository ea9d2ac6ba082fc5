"""Read a stem file: its five streams in step, with the names that it gives them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from unweave.audio import mp4
from unweave.audio.reader import Reader
from unweave.audio.stem_file import metadata as box
from unweave.audio.stem_file.metadata import Metadata
from unweave.audio.stem_file.writer import STREAMS
from unweave.core.files import readable, shown
from unweave.errors import InputError
from unweave.types import Wave


def read_metadata(path: Path) -> Metadata | None:
    """What the file says of its stems, None where it says nothing. Raises InputError."""
    with readable(path), mp4.mapped(path) as data:
        found = [data[at:end] for at, end in mp4.find(data, b"moov", b"udta", b"stem")]
    if not found:
        return None
    try:
        return box.decoded(found[0])
    except ValueError as error:
        raise InputError(f"{shown(path)}: {error}; write the file again") from error


class StemReader:
    """The mixture and the stems of a stem file. A context manager.

    `metadata` is None where the file names no stems, `info` has the facts of the mixture.
    Raises InputError, also for a file of another number of streams.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        self.metadata = read_metadata(self._path)
        with ExitStack() as stack:
            self._readers = [stack.enter_context(Reader(self._path, 0))]
            self.info = self._readers[0].info
            if self.info.audio_streams != STREAMS:
                raise InputError(
                    f"{shown(self._path)}: has {self.info.audio_streams} stream(s) of sound, "
                    f"not the {STREAMS} of a stem file"
                )
            self._readers += [
                stack.enter_context(Reader(self._path, number)) for number in range(1, STREAMS)
            ]
            self._stack = stack.pop_all()

    def __enter__(self) -> StemReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def warnings(self) -> list[str]:
        """What was not as it should be in some stream; complete when the blocks are."""
        return list(dict.fromkeys(each for reader in self._readers for each in reader.warnings))

    def blocks(self, size: int) -> Iterator[Wave]:
        """Blocks `(stream, channel, time)` of `size` samples, the last shorter; mixture first.

        Raises InputError where the streams have not one rate, channel count and length.
        """
        facts = {(each.info.sample_rate_hz, each.info.channels) for each in self._readers}
        if len(facts) > 1:
            raise self._unequal()
        try:
            for blocks in zip(*(each.blocks(size) for each in self._readers), strict=True):
                yield np.stack(blocks)
        except ValueError as error:
            raise self._unequal() from error

    def _unequal(self) -> InputError:
        return InputError(
            f"{shown(self._path)}: its streams have not one rate, channel count and length; "
            "'unweave stem check' says which"
        )
