"""Names of files that every production program and file system takes, in the tracks' order."""

from __future__ import annotations

import re

from unweave.exports.session import line

_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_LONGEST = 80  # characters, so that a path of a few folders stays below 255


def file_name(number: int, name: str, extension: str) -> str:
    """`01 drums.wav`: the number keeps the order, and keeps names apart."""
    return f"{number:02d} {plain(name)}.{extension.lstrip('.')}"


def plain(name: str) -> str:
    """A name without signs that some file system refuses; never empty."""
    text = _FORBIDDEN.sub("_", line(name))[:_LONGEST].strip(". ")
    return f"_{text}" if _RESERVED.fullmatch(text) else text or "_"
