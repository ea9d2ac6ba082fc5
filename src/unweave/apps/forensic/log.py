"""The log of a case: lines of JSON that are only ever added, each with the hash of the one before.

The hash of an entry is the SHA-256 of its line without it, which has the hash of the entry before:
whoever changes an entry has to rewrite all that follow, so that the last hash is another. That one
stands on the certificate, and a signature may be over it. Every byte counts: a line is exactly the
one way to write its entry.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unweave.core.atomic import fsync

NAME = "log.jsonl"
START = "0" * 64  # what the first entry has as the hash of the one before

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Log:
    """entries: those that hold together. torn: bytes of a last line that is not complete. wrong:
    the first line that is not as it was written, in words; what stands behind it is not read."""

    entries: tuple[Entry, ...] = ()
    torn: bytes = b""
    wrong: str = ""

    @property
    def last(self) -> str:
        """The hash of the last entry."""
        return str(self.entries[-1]["hash"]) if self.entries else START


def line(facts: Mapping[str, Any], number: int, before: str) -> tuple[Entry, bytes]:
    """An entry and its line. facts: what it says; number: from 1; before: the hash before it."""
    entry = {**facts, "number": number, "before": before}
    entry["hash"] = _hash(entry)
    return entry, _written(entry)


def append(path: Path, data: bytes) -> None:
    """Add bytes to the log, in one call and to the disk. Raises OSError."""
    handle = os.open(
        path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666
    )
    try:
        while data:
            data = data[os.write(handle, data) :]
        fsync(handle)
    finally:
        os.close(handle)


def read(data: bytes) -> Log:
    """The log in `data`, as far as it holds together."""
    *lines, torn = data.split(b"\n")
    entries: list[Entry] = []
    before = START
    for number, text in enumerate(lines, 1):
        entry = _parsed(text)
        if entry is None:
            return Log(tuple(entries), wrong=f"line {number} is not as it was written")
        if entry.get("number") != number:
            return Log(tuple(entries), wrong=f"line {number} is not entry {number}")
        if entry.get("before") != before:
            return Log(tuple(entries), wrong=f"line {number} does not follow the one before")
        entries.append(entry)
        before = entry["hash"]
    return Log(tuple(entries), torn)


def _parsed(text: bytes) -> Entry | None:
    """The entry of a line, None where its hash or a byte of it is another."""
    try:
        entry = json.loads(text)
        rest = {name: value for name, value in entry.items() if name != "hash"}
        same = entry["hash"] == _hash(rest) and _written(entry) == text + b"\n"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return entry if same else None


def _written(entry: Entry) -> bytes:
    text = json.dumps(entry, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii") + b"\n"


def _hash(entry: Entry) -> str:
    return hashlib.sha256(_written(entry)).hexdigest()
