"""Encode blocks into a file that appears under its name only when it is complete.

A `Writer` works on a hidden file beside the final one (`core/atomic.py`), so that however the work
ends, by an error, by Ctrl-C or by a power cut, what lies under a final name is whole.

Usual life: `write` blocks, `close`, `commit`. As a context manager it does the last two by itself,
or `discard`s where an error is on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import av
import soundfile

from unweave.audio.encoders import Encoder, FFmpegEncoder, Sink, VorbisEncoder
from unweave.audio.formats import FORMATS, Encoding, encoding
from unweave.audio.info import Cover, SourceInfo
from unweave.audio.resampler import Resampler
from unweave.core.atomic import Hidden, sync_folders
from unweave.core.files import advice, shown
from unweave.errors import InTheWayError, OutputError
from unweave.types import Wave

__all__ = ["FORMATS", "Encoding", "Writer", "encoding"]

_CHUNK = 1 << 16  # samples encoded at a time, so that a long block costs no long copies


class Writer:
    """One output file, encoded as `encoding` says (see `audio.formats.encoding`).

    Takes blocks `(channels, time)` float32 at `sample_rate_hz`, finite; resamples where the format
    needs another rate. The length after decoding is exact to the sample. `layout` is FFmpeg's name
    of the places of the channels, None where they are not known. `encoder` makes the bytes in
    another way than the format's usual one, and then sees to layout, tags and cover itself.
    `hidden` is the file while it has no name, `samples` how many each channel was given. Raises
    OutputError in one line; the hidden file is gone by then.
    """

    def __init__(
        self,
        path: Path,
        encoding: Encoding,
        sample_rate_hz: int,
        channels: int,
        *,
        layout: str | None = None,
        tags: Mapping[str, str] | None = None,
        cover: Cover | None = None,
        encoder: Callable[[Sink], Encoder] | None = None,
    ) -> None:
        self.path = Path(path)
        self.samples = 0
        self._channels = channels
        self._resampler = Resampler(sample_rate_hz, encoding.sample_rate_hz, channels)
        self._state = "open"  # then "closed", then "committed" or "discarded"
        try:
            if self.path.is_dir():
                raise OutputError(f"{shown(self.path)}: is a folder; give the name of a file")
            self.hidden = Hidden(self.path)
            self._sink = _Sink(self.hidden.file)
        except OSError as error:
            raise self._cannot(error) from error
        with self._guarded():
            if encoder is None:
                encoder = _usual(encoding, channels, layout, tags or {}, cover)
            self._encoder = encoder(self._sink)

    @classmethod
    def made_of(
        cls, info: SourceInfo, path: Path, encoding: Encoding, tags: Mapping[str, str]
    ) -> Writer:
        """A writer of what is made of a recording, with its rate, channels, layout and cover."""
        return cls(
            path,
            encoding,
            info.sample_rate_hz,
            info.channels,
            layout=info.layout,
            tags=tags,
            cover=info.cover,
        )

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, _: object, error: object, __: object) -> None:
        if error is None and self._state in ("open", "closed"):
            self.close()
            self.commit()
        self.discard()

    def write(self, block: Wave) -> None:
        """Encode the next `(channels, time)` samples."""
        if self._state != "open":
            raise ValueError(f"the writer of {self.path} is {self._state}")
        if block.ndim != 2 or block.shape[0] != self._channels:
            raise ValueError(f"block must be ({self._channels}, time), got shape {block.shape}")
        with self._guarded():
            self._encode(self._resampler.push(block))
        self.samples += block.shape[1]

    def close(self) -> None:
        """Finish the file under its hidden name, on the disk. Closing twice does no harm."""
        if self._state != "open":
            return
        with self._guarded():
            self._encode(self._resampler.flush())
            self._encoder.close()
            if self._sink.error is None:
                self.hidden.finish()
        self._state = "closed"

    def commit(self, *, replace: bool = True) -> None:
        """Give the finished file its name; a file of that name is replaced if it may be."""
        if self._state != "closed":
            raise ValueError(f"close the writer of {self.path} first, it is {self._state}")
        with self._guarded():
            try:
                self.hidden.place(replace=replace)
            except FileExistsError as error:
                self.discard()
                raise InTheWayError(f"{shown(self.path)}: has appeared meanwhile") from error
            sync_folders([self.path.parent])
        self._state = "committed"

    def discard(self) -> None:
        """Drop the file unless it is committed. Never raises; discarding twice does no harm."""
        if self._state == "committed":
            return
        self._state = "discarded"
        self.hidden.discard()

    def _encode(self, wave: Wave) -> None:
        for at in range(0, wave.shape[1], _CHUNK):
            self._encoder.write(wave[:, at : at + _CHUNK])

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Any error in here, of the disk or of a library, discards the file; the first one of the
        disk is the one to tell."""
        try:
            yield
            if self._sink.error is not None:
                raise self._sink.error
        except (OSError, av.FFmpegError, soundfile.SoundFileError) as error:
            self.discard()
            raise self._cannot(self._sink.error or error) from error
        except BaseException:
            self.discard()
            raise

    def _cannot(self, error: Exception) -> OutputError:
        reason = " ".join(str(error).split())
        if isinstance(error, OSError) and not isinstance(error, av.FFmpegError):
            reason = advice(error)
        return OutputError(f"{shown(self.path)}: cannot be written: {reason}")


class _Sink:
    """The hidden file as encoders see it. Some of them call it from C code, where a Python error
    would be lost, so the first one is kept and the bytes after it go nowhere."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.error: OSError | None = None

    def write(self, data: bytes, /) -> int:
        self._keep(lambda: self.file.write(data))
        return len(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._keep(lambda: self.file.seek(offset, whence))

    def tell(self) -> int:
        return self._keep(self.file.tell)

    def _keep(self, act: Callable[[], int]) -> int:
        if self.error is None and not self.file.closed:
            try:
                return act()
            except OSError as error:
                self.error = error
        return 0


def _usual(
    encoding: Encoding,
    channels: int,
    layout: str | None,
    tags: Mapping[str, str],
    cover: Cover | None,
) -> Callable[[Sink], Encoder]:
    if encoding.format == "ogg":
        return lambda sink: VorbisEncoder(sink, encoding, channels, tags, cover)
    return lambda sink: FFmpegEncoder(sink, encoding, channels, layout, tags, cover)
