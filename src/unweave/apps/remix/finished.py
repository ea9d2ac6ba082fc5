"""What lies where a remix is to be written: nothing, the same remix, or something else."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unweave.core.atomic import sha256
from unweave.core.files import shown
from unweave.core.journal import leftovers
from unweave.errors import OutputError, UsageError
from unweave.jobs.plan import Job

REVISION = 1  # goes up when a remix has other bytes than before


@dataclass(frozen=True)
class Existing:
    """report: of the same remix, when it is all there. own: files that give way, with their
    SHA-256."""

    report: dict[str, Any] | None = None
    own: Mapping[Path, str] = field(default_factory=dict)


def identity(facts: Mapping[str, Any]) -> str:
    """One hash of all that is meant to change a byte of the files."""
    text = json.dumps({"revision": REVISION, **facts}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def look(job: Job, identity: str | None) -> Existing:
    """The state of a job's files. identity: of the remix; None where it has none.

    Raises OutputError where a file is in the way, UsageError where that is what is read.
    """
    there = [file for file in job.files if os.path.lexists(file)]
    for file in there:
        if file.exists() and job.source.is_file() and file.samefile(job.source):
            raise UsageError(
                f"{shown(job.source)}: would be written over; choose another folder with -o"
            )
    if job.overwrite:
        return Existing()
    own = leftovers(job.report.parent)
    report = _report(job.report)
    if report is not None and identity is not None and report.get("identity") == identity:
        files = {job.report.parent / item["path"]: item for item in _files(report)}
        unchanged = {
            Path(os.path.abspath(file)): item["sha256"]
            for file, item in files.items()
            if file.is_file() and sha256(file) == item["sha256"]
        }
        if len(unchanged) == len(files):
            return Existing(report=report)
        own |= {**unchanged, Path(os.path.abspath(job.report)): sha256(job.report)}
    foreign = [file for file in there if Path(os.path.abspath(file)) not in own]
    if foreign:
        raise OutputError(
            f"{shown(job.source)}: {shown(foreign[0])} is there{_why(report, identity)}; use "
            "--overwrite, or another folder with -o"
        )
    return Existing(own=own)


def _report(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("use") == "remix" else None


def _files(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*report["stems"], *report["exports"]]


def _why(report: Mapping[str, Any] | None, identity: str | None) -> str:
    if report is None or identity is None:
        return ""
    if report.get("identity") == identity:
        return ", changed since it was written"
    return ", of another recording, mix or format"
