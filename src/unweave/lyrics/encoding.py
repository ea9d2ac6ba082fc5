"""The text of a lyrics file, whatever it is encoded in.

In this order: a byte order mark, UTF-16 without one, the encoding that a header `#ENCODING` of an
UltraStar song names, UTF-8, and what most old files are in, Windows-1252.
"""

from __future__ import annotations

import codecs
import re

_MARKS = [
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins as UTF-16's does
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
]
_HEADER = re.compile(
    rb"^[ \t]*#[ \t]*ENCODING[ \t]*:[ \t]*([^\r\n]{0,80})", re.IGNORECASE | re.MULTILINE
)
_KNOWN = {
    *("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "ascii"),
    *(f"cp{number}" for number in (437, 850, 866, 874, 932, 949, 950, *range(1250, 1259))),
    *(f"iso8859-{number}" for number in range(1, 17)),
    *("shift_jis", "euc_jp", "gbk", "gb2312", "gb18030", "big5", "euc_kr", "koi8-r", "koi8-u"),
}


def decoded(data: bytes, encoding: str | None = None) -> tuple[str, tuple[str, ...]]:
    """The text with line feeds alone at line ends, and what to warn of.

    encoding: its name, where it is known. Raises ValueError, for NUL bytes too.
    """
    text, warnings = _decoded(data, encoding)
    if "\0" in text:
        raise ValueError("holds NUL bytes: it is no text")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"), warnings


def _decoded(data: bytes, encoding: str | None) -> tuple[str, tuple[str, ...]]:
    if encoding is not None:
        return _strict(data, known(encoding)), ()
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _strict(data[len(mark) :], name), ()
    if (wide := _wide(data[:4096])) is not None:
        return _strict(data, wide), ()
    if (said := _said(data)) is not None:
        return _strict(data, said), ()
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        raise ValueError(
            f"line {line} is neither UTF-8 nor Windows-1252; name its encoding (--encoding "
            "shift_jis, for instance) or save it as UTF-8"
        ) from None
    return text, (f"line {line} is not UTF-8; the file is taken as Windows-1252",)


def known(encoding: str) -> str:
    """Python's name of an encoding of text. Raises ValueError."""
    name = {"ANSI": "cp1252", "AUTO": "utf-8"}.get(encoding.strip().upper(), encoding.strip())
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        found = ""
    if found not in _KNOWN:
        raise ValueError(
            f"encoding {encoding.strip()!r:.60} is not known; names are such as UTF-8, UTF-16, "
            "CP1252, CP1250, shift_jis"
        )
    return found


def _strict(data: bytes, name: str) -> str:
    try:
        return data.decode(name)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not {name}; save the file as UTF-8") from None


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: half of the bytes of Latin text are zero."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if len(head) < 4 or max(even, odd) < len(head) / 8 or min(even, odd) > 0:
        return None
    return "utf-16-le" if odd else "utf-16-be"


def _said(data: bytes) -> str | None:
    """By the header; AUTO is none."""
    found = _HEADER.search(data[:65536])
    if found is None:
        return None
    name = found[1].decode("ascii", errors="replace").strip()
    return None if name.upper() in ("", "AUTO") else known(name)
