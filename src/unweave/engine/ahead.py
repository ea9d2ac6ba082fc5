"""Prefetching decoder: a thread reads blocks ahead while other threads process blocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, Queue
from threading import Event, Thread

from unweave.audio.reader import Reader, SourceInfo
from unweave.core.files import shown
from unweave.core.region import WHOLE, Region
from unweave.types import Wave

BLOCK_S = 1.0  # decoded and handed on at once
MOST_BYTES = 8_000_000  # decoded and waiting: 22 seconds of stereo
# ... and before anybody takes a block: torch is being imported on one core, this is for the other,
# and what the segments need is not yet taken.
EARLY_BYTES = 32_000_000


class Decoding:
    """A recording that is decoded from the moment of construction. A context manager.

    Of the recording it gives the `region`; `info` has the length of that. Raises InputError where
    the file cannot be opened; later errors are raised where the blocks are taken.
    """

    def __init__(self, source: Path, region: Region = WHOLE) -> None:
        self.source = source
        self.region = region
        self._reader = Reader(source)
        try:
            self.info = _inside(region, self._reader.info)
        except BaseException:
            self._reader.close()
            raise
        frames = max(1, round(BLOCK_S * self.info.sample_rate_hz))
        block_bytes = 4 * frames * self.info.channels
        self._most = max(2, MOST_BYTES // block_bytes)
        early = max(2, EARLY_BYTES // block_bytes)
        self._ready: Queue[Wave | BaseException | None] = Queue(early)
        self._stop = Event()
        self._thread = Thread(target=self._read, args=(frames,), name="decode", daemon=True)
        self._thread.start()

    def _read(self, frames: int) -> None:
        try:
            rate, name = self.info.sample_rate_hz, shown(self.source)
            for block in self.region.cut(self._reader.blocks(frames), rate, name):
                if self._stop.is_set():
                    return
                self._ready.put(block)
            self._ready.put(None)
        except BaseException as error:
            self._ready.put(error)

    def blocks(self) -> Iterator[Wave]:
        """Blocks `(channel, time)`, once."""
        with self._ready.mutex:
            self._ready.maxsize = self._most
        while (item := self._ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    @property
    def warnings(self) -> list[str]:
        """What the reader has to say; complete when all blocks are taken."""
        return self._reader.warnings

    def __enter__(self) -> Decoding:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        while self._thread.is_alive():
            with suppress(Empty):  # the thread may be waiting for room
                self._ready.get(timeout=0.01)
        self._reader.close()


def _inside(region: Region, info: SourceInfo) -> SourceInfo:
    """The same facts with the declared length of the region."""
    rate_hz = info.sample_rate_hz
    start, end = region.samples(rate_hz)
    if end is not None:
        length = end - start
        return replace(info, frames=length, most_frames=length, duration_s=length / rate_hz)
    frames, most = (n and max(0, n - start) for n in (info.frames, info.most_frames))
    duration_s = info.duration_s and max(0.0, info.duration_s - start / rate_hz)
    return replace(info, frames=frames, most_frames=most, duration_s=duration_s)
