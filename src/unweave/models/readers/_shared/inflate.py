"""gzip files in memory, up to a size that honest weights never exceed."""

from __future__ import annotations

import zlib

from unweave.models.readers._shared.errors import Refused

MAGIC = b"\x1f\x8b"
MOST_TIMES = 32  # that weights may be larger than when packed; 8-bit weights as float32 are 5
AT_LEAST = 1 << 20  # bytes that any file may have
PIECE = 1 << 16  # bytes of packed data that are looked at together; they give 64 MB at most


def inflated(content: bytes) -> bytes:
    """What a gzip file of one part holds, its checksum right.

    Raises Refused for a file that is too large or has more behind its end, EOFError for one that
    is cut and zlib.error for damage.
    """
    room = AT_LEAST + MOST_TIMES * len(content)
    unpacked, at = [], 0
    gzip = zlib.decompressobj(wbits=31)
    while not gzip.eof:
        if at >= len(content):
            raise EOFError("the packed file ends early")
        unpacked.append(gzip.decompress(content[at : at + PIECE]))
        room -= len(unpacked[-1])
        if room < 0:
            raise Refused(f"it unpacks to more than {MOST_TIMES} times its size")
        at += PIECE
    if (gzip.unused_data + content[at:]).strip(b"\0"):  # zeros pad to whole blocks
        raise Refused("there is more behind the end of the packed file")
    return b"".join(unpacked)
