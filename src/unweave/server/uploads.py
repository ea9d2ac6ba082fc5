"""Files that clients send in pieces, and go on sending after a cut: the store behind tus 1.0.0.

How much of a file is here is the size of the file on the disk, and nothing else says so.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool

from unweave.core.atomic import atomic_path
from unweave.server.queue import Row
from unweave.server.refusals import Refused
from unweave.server.service import Service

PIECE = 1 << 20  # bytes that are written at once
SPARE = 200 * 10**6  # bytes of the disk that stay free
SHARE = 4  # of what is kept, one client's uploads take a part of that at most
LONGEST_NAME = 250
KEPT_S = 24 * 3600.0  # an upload that nobody touches


def create(service: Service, owner: str, name: str, size: int) -> str:
    """A place for a file of `size` bytes; its id. Raises Refused."""
    if size > service.settings.most_bytes:
        raise Refused(413, "too_large", f"a file may have {service.settings.most_bytes} bytes")
    if shutil.disk_usage(service.settings.uploads).free < size + SPARE:
        raise Refused(507, "disk_full", "the disk of the service has no room for it")
    [[held]] = service.database.read(
        "SELECT coalesce(sum(bytes), 0) FROM uploads WHERE owner = ?", (owner,)
    )
    if held + size > service.settings.keep_bytes / SHARE:
        words = "uploads of yours take all that one client may; remove some, or wait a day"
        raise Refused(429, "too_many_uploads", words)
    id = secrets.token_hex(16)
    path(service, id).touch()
    with service.database.writing() as connection:
        connection.execute(
            "INSERT INTO uploads (id, owner, name, bytes, touched_at) VALUES (?, ?, ?, ?, ?)",
            (id, owner, plain(name), size, time.time()),
        )
    return id


def find(service: Service, owner: str, id: str) -> Row:
    """Raises Refused where the client has no such upload."""
    found = service.database.read("SELECT * FROM uploads WHERE id = ? AND owner = ?", (id, owner))
    if not found:
        raise Refused(
            404, "no_such_upload", "there is no such upload, or it is not yours", "source"
        )
    return found[0]


def path(service: Service, id: str) -> Path:
    return service.settings.uploads / id


def offset(service: Service, id: str) -> int:
    """How many bytes are here."""
    try:
        return path(service, id).stat().st_size
    except FileNotFoundError:
        raise Refused(410, "upload_gone", "the upload is gone; send the file again") from None


async def append(service: Service, upload: Row, at: int, body: AsyncIterator[bytes]) -> int:
    """Write what comes from byte `at` on; how many bytes are here then. Raises Refused.

    What came before the connection was cut stays.
    """
    id = upload["id"]
    if id in service.busy:
        raise Refused(423, "upload_busy", "another request is writing this upload")
    service.busy.add(id)
    try:
        here = offset(service, id)
        if at != here:
            raise Refused(409, "wrong_offset", f"{here} bytes are here; go on from there")
        with open(path(service, id), "ab", buffering=0) as file:
            waiting = bytearray()
            try:
                async for chunk in body:
                    here += len(chunk)
                    if here > upload["bytes"]:
                        raise Refused(413, "too_large", "it is longer than its Upload-Length")
                    waiting += chunk
                    if len(waiting) >= PIECE:
                        await run_in_threadpool(_write, file, bytes(waiting))
                        service.counts["upload_bytes"] += len(waiting)
                        waiting.clear()
            finally:  # also where the connection was cut
                if here <= upload["bytes"]:
                    _write(file, bytes(waiting))
                    service.counts["upload_bytes"] += len(waiting)
        await run_in_threadpool(touch, service, id)
        return here
    finally:
        service.busy.discard(id)


def touch(service: Service, id: str, facts: dict[str, Any] | None = None) -> None:
    """The upload was used just now. facts: what a look at it found."""
    said = json.dumps(facts) if facts else None
    with service.database.writing() as connection:
        connection.execute(
            "UPDATE uploads SET touched_at = ?, facts = coalesce(?, facts) WHERE id = ?",
            (time.time(), said, id),
        )


def remove(service: Service, id: str) -> None:
    with service.database.writing() as connection:
        connection.execute("DELETE FROM uploads WHERE id = ?", (id,))
    with suppress(FileNotFoundError):
        path(service, id).unlink()


def plain(name: str) -> str:
    """A name to show: without folders, and nothing that is no text. It never names a file here."""
    last = re.split(r"[/\\]", name)[-1]
    text = "".join(c if c.isprintable() else " " for c in last).strip()
    return text[:LONGEST_NAME] or "recording"


def kept(service: Service, found: Path, sha256: str, name: str) -> Path:
    """The same file in the folder of its content, under a name that we make.

    The end of `name` stays, where it is a usual one: it tells what some readers go by.
    """
    low = name.lower()
    end = ".stem.mp4" if low.endswith(".stem.mp4") else os.path.splitext(low)[1]
    end = end if re.fullmatch(r"(\.stem)?\.[a-z0-9]{1,5}", end) else ""
    target = service.settings.sources / sha256 / f"song{end}"
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        os.utime(target.parent)  # it is in use again
        return target
    try:
        os.link(found, target)
    except FileExistsError:
        pass
    except OSError:  # a disk without links
        with atomic_path(target) as hidden:
            shutil.copyfile(found, hidden)
    return target


def _write(file: Any, data: bytes) -> None:
    left = memoryview(data)
    try:
        while left:
            left = left[file.write(left) :]
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise Refused(507, "disk_full", "the disk of the service is full") from error
        raise
