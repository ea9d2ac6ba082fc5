"""What a job is made of: an upload, a file of this machine, an address, or another job."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unweave.server import addresses, media, queue, uploads
from unweave.server.kinds import Kind
from unweave.server.refusals import Refused
from unweave.server.service import Service

LOOK_S = 120.0  # at a file
NOTHING = {
    "name": None,
    "bytes": None,
    "duration_s": None,
    "sample_rate_hz": None,
    "channels": None,
    "samples": None,
}


@dataclass(frozen=True, slots=True)
class Source:
    """path: of what is worked on, a recording or a folder; None where there is nothing. key: tells
    its content from any other. recording: the file that it is, or was made of, and its sha256;
    None where there is none. said: what the client is told."""

    path: Path | None = None
    key: str = ""
    recording: Path | None = None
    sha256: str | None = None
    said: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


def resolve(service: Service, owner: str, kind: Kind, given: Mapping[str, str] | None) -> Source:
    """The source that a client named. Raises Refused."""
    if not kind.source:
        return Source()
    if not given or len(given) != 1:
        ways = '{"upload": ID}, {"path": P}, {"url": U} or {"job": ID}'
        raise Refused(400, "source_needed", f"name one source: {ways}", "source")
    [(way, word)] = given.items()
    if kind.source == "folder":
        if way != "path":
            raise Refused(400, "source_needed", "this kind takes the path of a folder", "source")
        folder = allowed(service, word)
        if not folder.is_dir():
            raise Refused(400, "no_folder", "it is no folder", "source")
        return Source(folder, str(folder), said={**NOTHING, "name": folder.name})
    if way == "job":
        return _of_job(service, owner, kind, word)
    if way == "path":
        path = allowed(service, word)
        if not path.is_file():
            raise Refused(400, "no_file", "it is no file", "source")
        return _of_file(service, path, path.name)
    if way == "url":
        word = addresses.fetched(service, owner, word)
    return _of_upload(service, owner, word)


def file_of(service: Service, owner: str, name: str, given: Mapping[str, str]) -> str:
    """The path of a file that an option names. Raises Refused."""
    if len(given) == 1 and "upload" in given:
        row = _complete(service, owner, given["upload"])
        end = os.path.splitext(row["name"].lower())[1]
        path = uploads.path(service, row["id"])
        digest = hash_of(service, path)
        return str(uploads.kept(service, path, digest, f"file{end}"))
    if len(given) == 1 and "path" in given:
        path = allowed(service, given["path"])
        if path.is_file():
            return str(path)
    raise Refused(400, "bad_option", f'{name} is a file: give {{"upload": ID}}', name)


def lyrics_of(service: Service, text: str) -> str:
    """The path of a file with the text of lyrics, which ends as its format says."""
    from unweave.core.files import atomic_write
    from unweave.lyrics.files import format_of
    from unweave.lyrics.formats import FORMATS

    data = text.encode("utf-8", "replace")
    name = format_of(Path("lyrics.txt"), text)
    digest = hashlib.sha256(data).hexdigest()
    path = service.settings.sources / digest / f"lyrics{FORMATS[name].SUFFIXES[0]}"
    if not path.exists():
        atomic_write(path, data)
    os.utime(path.parent)  # it is in use again
    return str(path)


def hash_of(service: Service, path: Path) -> str:
    """SHA-256 of a file, by a helper."""
    from unweave.core.files import hashed

    return str(service.looking.ask(hashed, path, timeout_s=LOOK_S))


def allowed(service: Service, word: str) -> Path:
    """A path of this machine below a folder that the operator allowed. Raises Refused."""
    try:
        path = Path(os.path.realpath(word)) if os.path.isabs(word) else None
    except ValueError:
        path = None
    folders = [Path(os.path.realpath(folder)) for folder in service.settings.allow_paths]
    if path is None or not any(path.is_relative_to(folder) for folder in folders):
        raise Refused(
            403,
            "path_not_allowed",
            "paths are taken below folders that the operator allows",
            "source",
        )
    return path


def _of_upload(service: Service, owner: str, id: str) -> Source:
    row = _complete(service, owner, id)
    path = uploads.path(service, id)
    if row["facts"]:
        facts = json.loads(row["facts"])
    else:
        facts = _look(service, path, row["name"])
        uploads.touch(service, id, facts)
    kept = uploads.kept(service, path, facts["sha256"], row["name"])
    return _source(kept, row["name"], facts)


def _complete(service: Service, owner: str, id: str) -> Any:
    row = uploads.find(service, owner, id)
    here = uploads.offset(service, id)
    if here != row["bytes"]:
        words = f"{here} of {row['bytes']} bytes of the upload are here; send the rest first"
        raise Refused(409, "upload_incomplete", words, "source")
    return row


def _of_file(service: Service, path: Path, name: str) -> Source:
    if path.stat().st_size > service.settings.most_bytes:
        raise Refused(413, "too_large", f"a file may have {service.settings.most_bytes} bytes")
    return _source(path, uploads.plain(name), _look(service, path, name))


def _look(service: Service, path: Path, name: str) -> dict[str, Any]:
    settings = service.settings
    limits = settings.most_s, settings.most_channels
    try:
        found: dict[str, Any] = service.looking.ask(
            media.look, str(path), *limits, timeout_s=LOOK_S
        )
    except Refused as refused:
        message = refused.message.replace(str(path), name)
        raise Refused(refused.status, refused.code, message, "source") from refused
    return found


def _source(path: Path, name: str, facts: Mapping[str, Any]) -> Source:
    said = {**NOTHING, "name": name, **{k: v for k, v in facts.items() if k != "sha256"}}
    return Source(path, facts["sha256"], path, facts["sha256"], said)


def _of_job(service: Service, owner: str, kind: Kind, id: str) -> Source:
    """The stems of a job that is done, where the kind takes stems; else what it was made of."""
    row = queue.find(service.database, owner, id)
    task, said = json.loads(row["task"]), json.loads(row["source"])
    recording = Path(task["recording"]) if task["recording"] else None
    if kind.source == "stems" and row["kind"] == "separate":
        if row["state"] != "done":
            raise Refused(409, "not_done", "that job is not done yet", "source")
        path, key = service.settings.job(id) / "out", f"{task['sha256']} {row['key']}"
        return Source(path, key, recording, task["sha256"], said)
    if recording is None or not recording.is_file():
        raise Refused(409, "no_source", "that job has no recording", "source")
    return Source(recording, task["sha256"], recording, task["sha256"], said)
