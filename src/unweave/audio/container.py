"""Open a file with FFmpeg's demuxers, and nothing but that file.

FFmpeg is handed an open Python file, never a name, so no name is taken for a protocol
(`http:`, `concat:`) or an option (`-x`). Only containers that hold sound themselves are allowed,
and no protocol at all: a playlist in disguise cannot make FFmpeg open another file or an address.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer

from unweave.audio.mp4 import lacks_index, mapped
from unweave.audio.splice import Piece, Spliced
from unweave.core.files import advice, shown
from unweave.errors import InputError

# Names of FFmpeg's demuxers. Left out on purpose: every playlist and manifest (hls, dash, concat,
# sdp, ...), raw samples without a header, pictures, subtitles and devices.
_DEMUXERS = (
    "wav,w64,aiff,au,caf,flac,ogg,mp3,aac,mov,mp4,m4a,3gp,3g2,mj2,asf,asf_o,matroska,webm,avi,flv,"
    "mpegts,mpeg,ac3,eac3,dts,dtshd,truehd,mlp,amr,ape,wv,tta,tak,mpc,mpc8,dsf,voc,rm,mxf,oma"
)
_BUFFER_BYTES = 1 << 18
_NO_INDEX = "is cut short, the index at its end is missing; get a complete copy"
_NOT_SOUND = (
    "cannot be read as sound; it is damaged, protected, or not WAV, AIFF, FLAC, Ogg, Opus, MP3, "
    "M4A, WMA, MP4, MKV or WebM"
)


class Seekable(FileIO):
    """A file in which any place can be sought. Damaged headers send FFmpeg to places that no disk
    has, which the system refuses; there is nothing to read there, as at the end."""

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        try:
            return super().seek(offset, whence)
        except OSError:
            return super().seek(0, os.SEEK_END)


@contextmanager
def regular(path: Path) -> Iterator[FileIO]:
    """The open regular file. Raises InputError in one line."""
    name = shown(path)
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{name}: is a folder; give the sound files in it")
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{name}: is not a regular file; save the sound to a file first")
        if status.st_size == 0:
            raise InputError(f"{name}: is empty (0 bytes); copy or download it again")
        file = Seekable(path)  # FFmpeg buffers for itself
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {advice(error)}") from error
    except ValueError as error:  # a NUL in the name
        raise InputError(f"{name}: is not a possible file name; check the spelling") from error
    with file:
        yield file


@contextmanager
def demuxed(
    file: FileIO, path: Path, pieces: Sequence[Piece] | None = None, format: str | None = None
) -> Iterator[InputContainer]:
    """The open container in a file, or in what `pieces` make of it. Raises InputError in one line.

    format: the only one of FFmpeg's demuxers to try, None for all.
    """
    name = shown(path)
    source = Spliced(file, pieces) if pieces else file
    try:
        try:
            container = demuxer(source, format)
        except av.FFmpegError as error:
            with mapped(path) as data:
                if lacks_index(data):
                    raise InputError(f"{name}: {_NO_INDEX}") from error
            # FFmpeg takes an MP3 of a few frames for something else; there the name decides.
            if format or path.suffix.lower() != ".mp3":
                raise InputError(f"{name}: {_NOT_SOUND}") from error
            try:
                container = demuxer(source, "mp3")
            except av.FFmpegError:
                raise InputError(f"{name}: {_NOT_SOUND}") from error
    except OSError as error:  # of our own file
        raise InputError(f"{name}: cannot be read: {advice(error)}") from error
    with container:
        yield container


def demuxer(source: BinaryIO | FileIO | Spliced, format: str | None = None) -> InputContainer:
    """The container in an open file, by the demuxers above. Raises av.FFmpegError."""
    source.seek(0)
    return av.open(
        source,
        "r",
        format=format,
        options={"format_whitelist": _DEMUXERS, "protocol_whitelist": "none"},
        metadata_errors="replace",
        buffer_size=_BUFFER_BYTES,
    )
