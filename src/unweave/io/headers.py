"""The few facts in file headers that FFmpeg reads but does not pass on.

Each function looks at a handful of bytes and answers None or False when they are not as expected:
these are hints about length and protection, decoding never depends on them.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import BinaryIO

_MOOV_LIMIT_BYTES = 64 << 20
_OGG_PAGE_LIMIT_BYTES = 65307  # the largest page there can be


def after_id3(file: BinaryIO) -> int:
    """Where the sound of an MP3 begins, behind the ID3v2 tag if there is one."""
    file.seek(0)
    tag = file.read(10)
    if tag[:3] != b"ID3" or len(tag) < 10:
        return 0
    return 10 + sum(
        (byte & 0x7F) << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True)
    )


def has_mp3_frame_count(path: Path) -> bool:
    """Whether the MP3 starts with a Xing/Info header, so that its length is known exactly."""
    with open(path, "rb") as file:
        file.seek(after_id3(file))
        start = file.read(4096)
    return b"Xing" in start or b"Info" in start


def vorbis_on_one_page(path: Path) -> bool:
    """Whether all sound of an Ogg Vorbis file lies on one page (less than a few seconds can)."""
    with open(path, "rb") as file:
        while len(head := file.read(27)) == 27 and head[:4] == b"OggS":
            if int.from_bytes(head[6:14], "little", signed=True) > 0:  # the first page of sound
                return bool(head[5] & 4)
            file.seek(sum(file.read(head[26])), os.SEEK_CUR)
    return False


def movie_timescale_hz(path: Path) -> int | None:
    """Ticks a second in which an MP4 states its edits; coarse ones cannot place a sample."""
    moov = _moov(path)
    at = moov.find(b"mvhd")
    if at < 0:
        return None
    field = at + 4 + (20 if moov[at + 4 : at + 5] == b"\x01" else 12)
    return int.from_bytes(moov[field : field + 4], "big") or None


def is_protected(path: Path) -> bool:
    """Whether an MP4 says that its sound is encrypted (Apple FairPlay, Audible, common)."""
    # A kind of sound, then six bytes that are always zero.
    return re.search(rb"(drms|aavd|enca)\x00{6}", _moov(path)) is not None


def lacks_index(path: Path) -> bool:
    """Whether the file begins as an MP4 and has no `moov` box, which often stands at its end."""
    with open(path, "rb") as file:
        return file.read(8)[4:] == b"ftyp" and not _moov(path)


def ogg_ends_early(path: Path) -> bool:
    """Whether the last page of an Ogg file is cut or lacks the mark of the end of its stream."""
    with open(path, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _OGG_PAGE_LIMIT_BYTES))
        end = file.read()
    at = end.rfind(b"OggS\x00")
    lengths = end[at + 27 :][: end[at + 26]] if at >= 0 and at + 27 <= len(end) else b""
    whole = bool(lengths) and at + 27 + len(lengths) + sum(lengths) <= len(end)
    return not (whole and end[at + 5] & 4)


def _moov(path: Path) -> bytes:
    """The content of the top-level box `moov`, nothing if there is none."""
    with open(path, "rb") as file:
        at = 0
        while len(head := file.read(16)) >= 8:
            size, start = int.from_bytes(head[:4], "big"), at + 8
            if size == 1:  # a 64-bit size follows
                size, start = int.from_bytes(head[8:], "big"), at + 16
            if head[4:8] == b"moov":
                file.seek(start)
                return file.read(_MOOV_LIMIT_BYTES if size == 0 else min(size, _MOOV_LIMIT_BYTES))
            if size < 8:  # 0: reaches to the end of the file; less: nonsense
                break
            at += size
            file.seek(at)
    return b""
