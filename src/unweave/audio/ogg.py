"""Give a Vorbis stream new tags and a fixed serial number while it is being written.

libsndfile encodes Vorbis well, but numbers its streams at random and knows neither covers nor most
tags. `VorbisRetagger` stands between it and the file: the first page (identification) goes through,
the header packets that follow are taken apart and written with our own comments, and every later
page keeps its content with a new page number, serial number and checksum. Same sound, same bytes.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from unweave.audio.info import Cover

_SERIAL = 1
_MOST_SEGMENTS = 255
_BIT_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_VORBIS_NAMES = {
    "track": "TRACKNUMBER",
    "disc": "DISCNUMBER",
    "album_artist": "ALBUMARTIST",
    "comment": "COMMENT",
}


class _Page(NamedTuple):
    flags: int  # 1 continues a packet, 2 begins the stream, 4 ends it
    granule: int  # samples until the end of the page, -1: no packet ends here
    lacing: bytes  # the lengths of its segments
    body: bytes


class VorbisRetagger:
    """Takes the bytes of an Ogg Vorbis file in order, passes the retagged file on to `write`."""

    def __init__(
        self, write: Callable[[bytes], object], tags: Mapping[str, str], cover: Cover | None
    ) -> None:
        self._write = write
        self._comment = vorbis_comment(tags, cover)
        self._waiting = b""  # bytes of a page that is not complete yet
        self._headers: list[_Page] | None = None  # None: before the first page
        self._done = False
        self._number = 0

    def push(self, data: bytes) -> None:
        """Take the next bytes."""
        self._waiting += data
        while (page := _parse(self._waiting)) is not None:
            self._waiting = self._waiting[27 + len(page.lacing) + len(page.body) :]
            self._take(page)

    def _take(self, page: _Page) -> None:
        if self._headers is None:
            self._headers = []
            self._put(page)
        elif self._done:
            self._put(page)
        else:
            self._headers.append(page)
            lacing = b"".join(header.lacing for header in self._headers)
            if sum(length < 255 for length in lacing) >= 2:  # comment and setup are complete
                body = b"".join(header.body for header in self._headers)
                size = 0
                for length in lacing:  # the old comment ends with its first short segment
                    size += length
                    if length < 255:
                        break
                for new in _paged([self._comment, body[size:]]):
                    self._put(new)
                self._done = True

    def _put(self, page: _Page) -> None:
        head = struct.pack(
            "<4sBBqIIIB",
            b"OggS",
            0,
            page.flags,
            page.granule,
            _SERIAL,
            self._number,
            0,
            len(page.lacing),
        )
        data = head + page.lacing + page.body
        self._write(data[:22] + struct.pack("<I", ogg_crc(data)) + data[26:])
        self._number += 1


def ogg_crc(data: bytes) -> int:
    """Ogg's checksum: zlib's polynomial with all bits the other way round and no inversions."""
    mirrored = zlib.crc32(data.translate(_BIT_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)


def picture_block(cover: Cover) -> str:
    """A cover as the value of METADATA_BLOCK_PICTURE: a FLAC picture block in base64."""
    mime = cover.mime.encode("ascii")
    block = struct.pack(">II", 3, len(mime)) + mime  # 3: front cover
    block += struct.pack(">IIIIII", 0, 0, 0, 0, 0, len(cover.data)) + cover.data
    return base64.b64encode(block).decode("ascii")


def vorbis_comment(tags: Mapping[str, str], cover: Cover | None) -> bytes:
    """The comment header packet of a Vorbis stream."""
    lines = [f"{_VORBIS_NAMES.get(name, name.upper())}={value}" for name, value in tags.items()]
    if cover is not None:
        lines.append(f"METADATA_BLOCK_PICTURE={picture_block(cover)}")
    fields = [line.encode("utf-8", "replace") for line in ("unweave", *lines)]
    sized = [struct.pack("<I", len(field)) + field for field in fields]
    count = struct.pack("<I", len(lines))
    return b"\x03vorbis" + sized[0] + count + b"".join(sized[1:]) + b"\x01"


def _parse(data: bytes) -> _Page | None:
    """The page at the start of `data`, None if it is not all there yet."""
    if len(data) < 27 or len(data) < 27 + data[26]:
        return None
    lacing = data[27 : 27 + data[26]]
    start, size = 27 + len(lacing), sum(lacing)
    if len(data) < start + size:
        return None
    (granule,) = struct.unpack_from("<q", data, 6)
    return _Page(data[5], granule, lacing, data[start : start + size])


def _paged(packets: list[bytes]) -> list[_Page]:
    """Header packets laid out on as few pages as can be; they end no sound, so granule 0."""
    lacing = b"".join(b"\xff" * (len(p) // 255) + bytes([len(p) % 255]) for p in packets)
    body = b"".join(packets)
    pages = []
    for at in range(0, len(lacing), _MOST_SEGMENTS):
        part = lacing[at : at + _MOST_SEGMENTS]
        content, body = body[: sum(part)], body[sum(part) :]
        continued = at > 0 and lacing[at - 1] == 255
        ends_packet = any(length < 255 for length in part)
        pages.append(_Page(int(continued), 0 if ends_packet else -1, part, content))
    return pages
