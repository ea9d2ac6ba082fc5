"""The links of an Ogg file: files joined one after the other (radio recordings, `cat a b`).

Each link is a whole Ogg file, with headers, rate, channels and timestamps of its own, so each is
decoded by itself. A link begins at a page with the mark of the beginning, if the page before it has
no such mark: the streams of one link all begin side by side.
"""

from __future__ import annotations

import os
from mmap import mmap

from unweave.audio.ogg import ogg_crc
from unweave.audio.splice import Bytes

_BEGINS = b"OggS\x00\x02"  # the page's mark, version and flag
_PAGE_LIMIT_BYTES = 65307  # the largest page there can be
_MOST_LINKS = 10_000


def links(data: mmap | bytes) -> list[tuple[int, int]]:
    """Where each link begins and ends, one for a file that is no chain (or no Ogg)."""
    starts: list[int] = []
    at, after = 0, -1
    if data[:4] != b"OggS":
        return [(0, len(data))]
    while (at := data.find(_BEGINS, at)) >= 0 and len(starts) < _MOST_LINKS:
        end = _page_end(data, at)
        if end is None:
            at += 1
            continue
        if at != after:
            starts.append(at)
        at = after = end
    starts = [0, *starts[1:]]
    return list(zip(starts, [*starts[1:], len(data)], strict=True))


def _page_end(data: mmap | bytes, at: int) -> int | None:
    """The end of the page that begins at byte `at`, None if there is no whole page."""
    count = data[at + 26] if at + 26 < len(data) else 0
    lacing = data[at + 27 : at + 27 + count]
    end = at + 27 + count + sum(lacing)
    if len(lacing) < count or end > len(data):
        return None
    page = data[at : at + 22] + bytes(4) + data[at + 26 : end]
    return end if ogg_crc(page) == int.from_bytes(data[at + 22 : at + 26], "little") else None


def vorbis_on_one_page(file: Bytes) -> bool:
    """Whether all sound of an Ogg Vorbis file lies on one page (less than a few seconds can)."""
    file.seek(0)
    while len(head := file.read(27)) == 27 and head[:4] == b"OggS":
        if int.from_bytes(head[6:14], "little", signed=True) > 0:  # the first page of sound
            return bool(head[5] & 4)
        file.seek(sum(file.read(head[26])), os.SEEK_CUR)
    return False


def ends_early(file: Bytes) -> bool:
    """Whether the last page of an Ogg file is cut or lacks the mark of the end of its stream."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - _PAGE_LIMIT_BYTES))
    end = file.read(_PAGE_LIMIT_BYTES)
    at = end.rfind(b"OggS\x00")
    lengths = end[at + 27 :][: end[at + 26]] if at >= 0 and at + 27 <= len(end) else b""
    whole = bool(lengths) and at + 27 + len(lengths) + sum(lengths) <= len(end)
    return not (whole and end[at + 5] & 4)
