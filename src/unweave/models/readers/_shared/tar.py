"""The regular files of a tar archive in memory. Nothing is written anywhere.

POSIX.1-1988 (ustar): a header of 512 bytes, then the content, filled up to a multiple of 512. The
extensions of later formats, such as longer names, are not needed for checkpoints.
"""

from __future__ import annotations

from unweave.models.readers._shared.errors import Refused, check_members

BLOCK = 512
FILE, FOLDER, EXTENSIONS = b"0\0", b"5", b"xgLK"  # types of members


def files(archive: memoryview) -> dict[str, memoryview]:
    """The content of every file by its name.

    Raises Refused for damage, and for a member that is a link or a device, or that would lie
    outside of the folder where the archive is unpacked.
    """
    found: dict[str, memoryview] = {}
    at = 0
    while at + BLOCK <= len(archive):
        header = archive[at : at + BLOCK]
        if header == bytes(BLOCK):
            return found
        kind = bytes(header[156:157])
        # The checksum is taken with spaces in its own place.
        if sum(header) - sum(header[148:156]) + 8 * ord(" ") != _octal(header[148:156]):
            raise Refused("a header of its archive is damaged: its checksum differs")
        name, folder = (_text(header[a : a + n]) for a, n in ((0, 100), (345, 155)))
        size = 0 if kind in FOLDER else _octal(header[124:136])
        content = archive[at + BLOCK : at + BLOCK + size]
        if len(content) < size:
            break
        if kind not in EXTENSIONS:
            name = f"{folder}/{name}" if folder else name
            check_members([name])
            if kind in FILE:
                found[name.removeprefix("./")] = content
            elif kind not in FOLDER:
                raise Refused("its archive has a link or a device, which weights do not need")
        at += BLOCK + size + -size % BLOCK
    raise Refused("its archive ends early")


def _text(field: memoryview) -> str:
    return bytes(field).split(b"\0", 1)[0].decode()


def _octal(field: memoryview) -> int:
    digits = bytes(field).strip(b" \0") or b"0"
    if digits.strip(b"01234567"):  # a sign, say
        raise Refused("a header of its archive has no number where one belongs")
    return int(digits, 8)
