"""A file at an address: brought by HTTP, resumed after a cut, whole and checked or not at all.

What has arrived lies in `NAME.part` beside the file's final name, and in `NAME.part.json` where it
came from (RFC 9110: `Range`, `If-Range`). It is never taken for the file: only what has the pinned
size and SHA-256 gets the final name. The address and its mirrors are tried in turn; those that may
still work, after a cut connection, a timeout or a busy server, again after a pause that doubles.
Proxies are those of the environment (`https_proxy`, `no_proxy`).
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from io import BufferedRandom
from pathlib import Path
from typing import TYPE_CHECKING

from unweave.core.atomic import fsync, make_folder, sync_folders
from unweave.errors import WeightsError
from unweave.models.cards import File, Source
from unweave.models.store.sources.files import CHUNK_BYTES, MOST_BYTES, Count, kept

if TYPE_CHECKING:
    from email.message import Message

TIMEOUT_S = 30.0  # for a server's answer and for each wait in between
ROUNDS = 5  # through all addresses, none of which brings anything
HEADWAY_BYTES = 1 << 20  # a round that brings this much was worth it, and is not counted
PAUSE_S = 1.0  # after the first round; then twice as long each time
LONGEST_PAUSE_S = 60.0  # that a server may ask for
LOOK_EVERY_S = 0.1


class _Never(Exception):
    """Why this address will not give the file."""


class _Later(Exception):
    """Why it did not this time, and how long the server asks to wait."""

    def __init__(self, reason: str, pause_s: float = 0.0) -> None:
        super().__init__(reason)
        self.pause_s = pause_s


def fetch(source: Source, folder: Path, count: Count) -> list[Path]:
    """The file of the source in `folder`, checked; meanwhile no other process may write there.

    Raises WeightsError, one line with every address and its reason; OSError of the disk.
    """
    (file,) = source.contents
    target = folder / kept(file)
    make_folder(folder)
    addresses, reasons, failures = list(source.addresses), dict[str, str](), 0
    with Part(target) as part:
        while addresses and failures < ROUNDS:
            before, pause_s = part.size(), 0.0
            for address in list(addresses):
                try:
                    _bring(address, file, part, count)
                except _Never as error:
                    addresses.remove(address)
                    reasons[address] = str(error)
                except _Later as error:
                    reasons[address] = str(error)
                    pause_s = max(pause_s, error.pause_s)
                else:
                    part.place()
                    return [target]
            failures = 0 if part.size() - before >= HEADWAY_BYTES else failures + 1
            if addresses and 0 < failures < ROUNDS:
                _wait(max(pause_s, PAUSE_S * 2 ** (failures - 1)), part.size(), file, count)
    raise WeightsError("; ".join(f"{address}: {reason}" for address, reason in reasons.items()))


class Part:
    """What has arrived of a file: the bytes, and by which address and version of it.

    It stays when a download is interrupted, and goes when nothing is in it.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self.note = target.with_name(f"{target.name}.part.json")

    def __enter__(self) -> Part:
        self.file: BufferedRandom = open(self.path, "a+b")
        return self

    def __exit__(self, *_: object) -> None:
        size = self.size()
        self.file.close()
        if not size:
            self.path.unlink(missing_ok=True)
            self.note.unlink(missing_ok=True)

    def size(self) -> int:
        """Bytes that have arrived."""
        if self.file.closed:
            return 0
        self.file.flush()
        return os.fstat(self.file.fileno()).st_size

    def is_whole(self, file: File) -> bool:
        """Whether the bytes are the published file."""
        size = self.size()
        return 0 < size == (file.size_bytes or size) and self.sha256().startswith(file.sha256)

    def sha256(self) -> str:
        """Hexadecimal SHA-256 of the bytes that have arrived."""
        self.file.flush()
        self.file.seek(0)
        return hashlib.file_digest(self.file, "sha256").hexdigest()

    def start_anew(self, url: str = "", version: str = "") -> None:
        """Forget all bytes; those to come are of `version` at `url`."""
        self.file.truncate(0)
        self.note.write_text(json.dumps({"url": url, "version": version}), encoding="utf-8")

    def version(self, url: str) -> str:
        """Which version at `url` the bytes are of; empty where that is not known."""
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
            return str(note["version"]) if note["url"] == url else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def place(self) -> None:
        """Give the file its final name. Raises OSError."""
        self.file.flush()
        fsync(self.file.fileno())
        self.file.close()
        os.replace(self.path, self.target)
        self.note.unlink(missing_ok=True)
        sync_folders([self.target.parent])


def _bring(url: str, file: File, part: Part, count: Count) -> None:
    """Add to `part` what it lacks, until it is the file. Raises _Never, _Later, OSError."""
    if part.is_whole(file):
        return
    if part.size() >= (file.size_bytes or MOST_BYTES):
        part.start_anew()
    resumed = part.size() > 0
    _receive(url, file, part, count)
    if not part.is_whole(file):
        digest = part.sha256()
        part.start_anew()
        if resumed:
            raise _Later("what was resumed is another file")
        raise _Never(f"another file is there: its SHA-256 {digest[:12]}... is not the pinned one")


def _receive(url: str, file: File, part: Part, count: Count) -> None:
    """Add what the server sends of the rest. Raises _Never, _Later, OSError of the disk."""
    most = file.size_bytes or MOST_BYTES
    with _asked(url, part) as answer:
        whole = _check_head(answer, url, file, part)
        done = part.size()
        count(done, whole)
        while True:
            with _named():
                block = answer.read(CHUNK_BYTES)
            if not block:
                break
            done += len(block)
            if done > most:
                part.start_anew()
                raise _Never(f"more than the expected {most} bytes")
            part.file.write(block)
            count(done, whole)
    if done < whole:
        raise _Later(f"the connection ended after {done} of {whole} bytes")


@contextmanager
def _asked(url: str, part: Part) -> Iterator[HTTPResponse]:
    """The server's answer to the request for what `part` lacks."""
    from urllib.request import Request, build_opener

    # Compressed on the way they would not arrive as the bytes that were hashed.
    headers = {"User-Agent": "unweave", "Accept-Encoding": "identity"}
    if done := part.size():
        headers["Range"] = f"bytes={done}-"
        if version := part.version(url):
            headers["If-Range"] = version
    with _named(part):
        # With the proxies that the environment names now.
        asked = Request(url, headers=headers)  # noqa: S310 - of a card; what comes has its hash
        answer = build_opener().open(asked, timeout=TIMEOUT_S)
    with answer:
        yield answer


def _check_head(answer: HTTPResponse, url: str, file: File, part: Part) -> int:
    """The size of the whole file, 0 where nobody says it, once the answer's head is as it must be.

    `part` is emptied where the answer begins at the beginning.
    """
    headers = answer.headers
    if headers.get_content_type() == "text/html":
        raise _Never("a web page is there instead of the file, perhaps a login")
    length = int(headers["Content-Length"] or 0) if _is_number(headers["Content-Length"]) else 0
    if answer.status == 206:
        start, total = _content_range(headers["Content-Range"] or "")
        if start != part.size():
            part.start_anew()
            raise _Later("the server sends another part than was asked for")
        whole = total or (start + length if length else 0)
    else:
        version = headers["ETag"] or headers["Last-Modified"] or ""
        part.start_anew(url, "" if version.startswith("W/") else version)
        whole = length
    if file.size_bytes and whole not in (0, file.size_bytes):
        part.start_anew()
        raise _Never(f"another file is there: it has {whole} bytes instead of {file.size_bytes}")
    return file.size_bytes or whole


def _content_range(text: str) -> tuple[int, int]:
    """First byte and size of the whole of `bytes 3-9/10`; -1, 0 for what is not understood."""
    span, _, total = text.removeprefix("bytes ").partition("/")
    start = span.partition("-")[0]
    return int(start) if _is_number(start) else -1, int(total) if _is_number(total) else 0


def _is_number(text: str | None) -> bool:
    return text is not None and text.isascii() and text.isdecimal() and len(text) < 20


@contextmanager
def _named(part: Part | None = None) -> Iterator[None]:
    """What goes wrong on the network, as _Never or _Later. part: which to empty on status 416."""
    from urllib.error import HTTPError, URLError

    try:
        yield
    except HTTPError as error:  # which is the server's answer, too
        with error:
            raise _status(error.code, error.reason, error.headers, part) from error
    except (OSError, HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, URLError) else error
        reason = " ".join(str(cause).split())[:160] or type(cause).__name__
        if isinstance(cause, TimeoutError):
            raise _Later(f"no answer within {TIMEOUT_S:g} s") from error
        if isinstance(cause, socket.gaierror):
            raise _Never(f"no such server, or no network ({reason})") from error
        if isinstance(cause, ConnectionRefusedError | ssl.SSLCertVerificationError | ValueError):
            raise _Never(f"could not be fetched ({reason})") from error
        raise _Later(f"the connection broke ({reason})") from error


def _status(code: int, words: str, headers: Message, part: Part | None) -> Exception:
    """What the status of an answer means (RFC 9110, section 15)."""
    said = f"HTTP {code} {' '.join(str(words).split())[:120]}".strip()
    if code == 416 and part is not None and part.size():  # it has no more than that
        part.start_anew()
        return _Later(said)
    if code in (408, 425, 429) or code >= 500:
        pause_s = _retry_after(headers["Retry-After"] or "")
        if pause_s > LONGEST_PAUSE_S:
            return _Never(f"{said}: the server asks to come back in {pause_s:.0f} s")
        return _Later(said, pause_s)
    return _Never(said)


def _retry_after(text: str) -> float:
    """Seconds that `Retry-After` asks for, as a number or a date; 0 for anything else."""
    if _is_number(text):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _wait(pause_s: float, done: int, file: File, count: Count) -> None:
    """Let time go by; what `count` raises ends it."""
    until = time.monotonic() + pause_s
    while (left := until - time.monotonic()) > 0:
        count(done, file.size_bytes)
        time.sleep(min(left, LOOK_EVERY_S))
