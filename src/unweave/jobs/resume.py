"""The state of a job's output files: new, up to date, or in conflict.

A report covers the files that it names, and a folder may hold several, `report.json`,
`report-2.json` and so on. A job is up to date when one of them has an equal request (see
`unweave.request`) and the same recording, and every stem of the job is there with the size in this
report.

Otherwise each file that the job would overwrite is a conflict, unless nothing is lost with it: an
equal request made it and it is unchanged, or a run that was killed before its report left it.
`--overwrite` replaces conflicting files. A report no longer covers stems that another run
overwrites (`release`), and goes on covering its others, unless they are of another recording than
is separated now: those are removed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from unweave.core.atomic import atomic_path, followed, sha256
from unweave.core.files import readable, shown, writable
from unweave.core.journal import leftovers
from unweave.jobs.plan import Job
from unweave.jobs.reports import (
    Report,
    free_name,
    is_readable,
    is_report,
    output_files,
    reports_beside,
    request_of,
)
from unweave.request import SeparationRequest, differences


class State(StrEnum):
    NEW = "new"
    UP_TO_DATE = "up to date"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """The existing output of a job. `report_path`: of its report, or of the report to write."""

    state: State
    report_path: Path
    report: dict[str, Any] | None = None  # of a job that is up to date
    own: Mapping[Path, str] = field(default_factory=dict)  # files that give way, with their SHA-256
    why: str = ""  # one line: the conflict


def look(job: Job, request: SeparationRequest) -> Existing:
    """The state of the output files of `job`. Raises OSError or InputError if one is unreadable."""
    outputs = {stem: Path(os.path.normpath(path)) for stem, path in job.outputs.items()}
    there = [file for file in outputs.values() if os.path.lexists(file)]
    beside = reports_beside(job.report)
    equal = {
        path: report for path, report in beside.items() if there and _is_equal(report, job, request)
    }
    own: dict[Path, str] = {}
    if not job.overwrite:
        for path, report in equal.items():
            if _is_whole(report, path, outputs):
                return Existing(state=State.UP_TO_DATE, report_path=path, report=report)
        for path, report in equal.items():
            own |= _unchanged(report, path)
        own |= leftovers(job.report.parent)
        foreign = [file for file in there if _at(file) not in own]
        if foreign:
            why = _why(foreign[0], beside, job, request)
            return Existing(state=State.CONFLICT, report_path=job.report, why=why)
    mine = {_at(file) for file in there}
    own = {path: digest for path, digest in own.items() if path in mine}
    if job.overwrite:
        read = [job.source, *(Path(file.path) for file in request.separator.files)]
        own = _outdated(job, beside, set(outputs.values()), read)
    return Existing(state=State.NEW, report_path=_place(job, beside, outputs, own), own=own)


def _outdated(
    job: Job, beside: Mapping[Path, Report], outputs: set[Path], read: Iterable[Path]
) -> dict[Path, str]:
    """The unchanged stems of another recording whose report also names some of `outputs`, without
    what is `read`. Whatever a report says, none outside the folder of the job's files."""
    folder = os.path.commonpath([os.path.realpath(file.parent) for file in job.files])
    stay = {*map(_at, outputs), *(Path(os.path.realpath(path)) for path in read)}
    found: dict[Path, str] = {}
    for path, report in beside.items():
        files = set(output_files(report, path).values())
        some = files & outputs and not files <= outputs
        if some and is_readable(report) and not _is_of(report, job):
            found |= _unchanged(report, path)
    return {
        path: digest
        for path, digest in found.items()
        if path not in stay
        and (real := Path(os.path.realpath(path))) not in stay
        and real.is_relative_to(folder)
    }


def _stays(file: Path, outputs: Collection[Path], own: Mapping[Path, str]) -> bool:
    return file not in outputs and _at(file) not in own


def release(job: Job, found: Existing) -> None:
    """Let no report speak for files that are about to go or to be written over, and the place of
    the new report be free.

    A report that names other stems too goes on speaking for those; one that does not is removed,
    as are the remains of a report at that place. Raises OSError, OutputError.
    """
    report_path = found.report_path
    outputs = {Path(os.path.normpath(path)) for path in job.outputs.values()}
    emptied = [report_path] if _is_remains(report_path) else []
    for path, report in reports_beside(job.report).items():
        files = output_files(report, path)
        kept = [i for i in report["stems"] if _stays(files[i["stem"]], outputs, found.own)]
        if files and not kept:
            emptied.append(path)
        elif len(kept) < len(files):
            _rewrite(path, {**report, "stems": kept})
    for path in emptied:
        followed(path).unlink(missing_ok=True)


def _at(file: Path) -> Path:
    """Where the bytes of a file are. Raises OSError."""
    return Path(os.path.abspath(followed(file)))


def _is_equal(report: Report, job: Job, request: SeparationRequest) -> bool:
    """Whether `report` is of an equal request and of the same recording."""
    if not is_readable(report) or report["identity"] is None:
        return False
    own = request_of(report).identity()
    return bool(own == report["identity"] == request.identity()) and _is_of(report, job)


def _is_of(report: Report, job: Job) -> bool:
    """Whether `report` is of the recording of `job`."""
    source = report["input"]
    with readable(job.source):
        return bool(
            source["bytes"] == job.source.stat().st_size and source["sha256"] == sha256(job.source)
        )


def _is_whole(report: Report, path: Path, outputs: Mapping[str, Path]) -> bool:
    """Whether all of `outputs` are stems of this report and there, as far as a look can tell."""
    files = output_files(report, path)
    if any(files.get(stem) != file for stem, file in outputs.items()):
        return False
    written_ns = path.stat().st_mtime_ns
    for item in report["stems"]:
        file = files[item["stem"]]
        if item["stem"] not in outputs:
            continue
        if not file.is_file() or file.stat().st_size != item["bytes"]:
            return False
        # The report is written last: a newer stem may be another one, or a copy with a new date.
        if file.stat().st_mtime_ns > written_ns and sha256(file) != item["sha256"]:
            return False
    return True


def _unchanged(report: Report, path: Path) -> dict[Path, str]:
    """The stems of a report that are there as it says, where links lead, with their SHA-256."""
    files = output_files(report, path)
    return {
        _at(file): item["sha256"]
        for item in report["stems"]
        if (file := files[item["stem"]]).is_file() and sha256(file) == item["sha256"]
    }


def _place(
    job: Job, beside: Mapping[Path, Report], outputs: Mapping[str, Path], own: Mapping[Path, str]
) -> Path:
    """Where the report goes: the first name that is free, or will be when `release` has been."""
    written = set(outputs.values())
    for path, report in beside.items():
        files = set(output_files(report, path).values())
        if files and not any(_stays(file, written, own) for file in files):
            return path
    if job.overwrite and job.report not in beside and _is_remains(job.report):
        return job.report
    return free_name(job.report)


def _is_remains(path: Path) -> bool:
    """Whether a report of unweave begins here that cannot be read to its end."""
    try:
        if not path.is_file() or is_report(path):
            return False
        with path.open("rb") as file:
            start = file.read(200)
    except OSError:
        return False
    return not start or (start.startswith(b"{") and b'"unweave"' in start)


def _why(file: Path, beside: Mapping[Path, Report], job: Job, request: SeparationRequest) -> str:
    """What is known of a file that is in the way."""
    for path, report in beside.items():
        if file not in output_files(report, path).values():
            continue
        if not is_readable(report):
            return f"{shown(file)} is there, and {shown(path)} is of another version of unweave"
        difference = next(differences(request_of(report), request), None)
        if difference is not None:
            return f"{shown(file)} is there, made with {difference}"
        if not _is_of(report, job):
            return f"{shown(file)} is there, made from another recording"
        return f"{shown(file)} is there, changed since {shown(path)} was written"
    return f"{shown(file)} is there, and no report says what it is"


def _rewrite(path: Path, report: Report) -> None:
    """The report anew, with the date that it had: stems are looked at that are newer."""
    with writable(path):
        before = path.stat()
        with atomic_path(path) as hidden:
            text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
            hidden.write_bytes(text.encode("utf-8", "backslashreplace"))
            os.utime(hidden, ns=(before.st_atime_ns, before.st_mtime_ns))
