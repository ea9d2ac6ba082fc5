"""What lies where a backing track is to be written: nothing, the same track, or something else."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unweave.core.atomic import sha256
from unweave.core.files import shown
from unweave.core.journal import leftovers
from unweave.errors import OutputError
from unweave.jobs.plan import Job

USE = "karaoke"
REVISION = 1  # goes up when a backing track has other bytes than before


@dataclass(frozen=True, slots=True)
class Existing:
    """report: of the same track, when all of it is there. own: files that give way, by SHA-256."""

    report: dict[str, Any] | None = None
    own: Mapping[Path, str] = field(default_factory=dict)


def identity(facts: Mapping[str, Any]) -> str:
    """One hash of all that is meant to change a byte of the files."""
    text = json.dumps({"use": USE, "revision": REVISION, **facts}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def look(job: Job, identity: str | None) -> Existing:
    """The state of a job's files. identity: of the track; None where it has none.

    Raises OutputError where a file is in the way.
    """
    if job.overwrite:
        return Existing()
    own = leftovers(job.report.parent)
    report = _report(job.report)
    same = report is not None and identity is not None and report.get("identity") == identity
    if report is not None and same:
        files = dict(_files(report, job.report.parent))
        unchanged = {
            path: digest
            for path, digest in files.items()
            if path.is_file() and sha256(path) == digest
        }
        if len(unchanged) == len(files):
            return Existing(report=report)
        own |= {**unchanged, Path(os.path.abspath(job.report)): sha256(job.report)}
    there = [file for file in job.files if os.path.lexists(file)]
    foreign = [file for file in there if Path(os.path.abspath(file)) not in own]
    if foreign:
        why = ""
        if report is not None and identity is not None:
            why = ", changed since it was made" if same else ", made of other things or otherwise"
        raise OutputError(
            f"{shown(job.source)}: {shown(foreign[0])} is there{why}; use --overwrite, or another "
            "folder with -o"
        )
    return Existing(own=own)


def _report(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("use") == USE else None


def _files(report: Mapping[str, Any], folder: Path) -> Iterator[tuple[Path, str]]:
    """Every file that a report names, with its SHA-256."""
    for item in (*report["stems"], *report["exports"]):
        yield Path(os.path.abspath(folder / item["path"])), item["sha256"]
