"""Names of files that every production program and file system takes, in the tracks' order."""

from __future__ import annotations

from unweave.core.file_names import safe
from unweave.exports.session import line

_LONGEST_BYTES = 160  # so that a path of a few folders stays below 255


def file_name(number: int, name: str, extension: str) -> str:
    """`01 drums.wav`: the number keeps the order, and keeps names apart."""
    return f"{number:02d} {plain(name)}.{extension.lstrip('.')}"


def plain(name: str) -> str:
    """A name without signs that some file system refuses; never empty, never hidden."""
    return safe(line(name).strip(". "), everywhere=True, longest=_LONGEST_BYTES)
