"""The files of a use and their report: what is there already, and how they get their names.

A report names its `use`, its files as `stems` (sound) and `exports` (all else), each with its
SHA-256, and the `identity` of what they were made of. Everything is made in a hidden folder beside
them, on the same disk. When all is complete it gets its names together, the report last
(`core/journal`). The next run removes what a killed one left there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from unweave.core import atomic, journal
from unweave.core.atomic import Hidden, sha256
from unweave.core.files import advice, shown
from unweave.engine.report import as_bytes
from unweave.errors import InTheWayError, OutputError, UsageError
from unweave.jobs import Job


@dataclass(frozen=True, slots=True)
class Existing:
    """report: of the same work, when all of it is there. own: files that give way, with their
    SHA-256: what an equal or a killed run made, and with --overwrite what the last run did."""

    report: dict[str, Any] | None = None
    own: Mapping[Path, str] = field(default_factory=dict)


def identity(use: str, revision: int, facts: Mapping[str, Any] | None) -> str | None:
    """One hash of all that is meant to change a byte of the files; None where that has none.

    revision: goes up when a use makes other bytes of the same.
    """
    if facts is None:
        return None
    text = json.dumps({"use": use, "revision": revision, **facts}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def look(job: Job, use: str, identity: str | None, reads: Iterable[Path] = ()) -> Existing:
    """The state of a job's files.

    identity: of the work; None where it has none. reads: files besides the song that it is made of.

    Raises OutputError where a file is in the way, UsageError where that is what is read.
    """
    there = [file for file in job.files if os.path.lexists(file)]
    sources = [path for path in (job.source, *reads) if path.is_file()]
    for file, path in product(there, sources):
        if file.exists() and file.samefile(path):
            raise UsageError(
                f"{shown(path)}: is read, and would be written over; choose another folder with -o"
            )
    report = _report(job.report, use)
    if job.overwrite:
        last = _unchanged(report, job.report) if report is not None else {}
        read = {file for file, path in product(last, sources) if file.samefile(path)}
        return Existing(own={file: last[file] for file in last if file not in read})
    mine = {Path(os.path.abspath(file)) for file in job.files}
    left = journal.leftovers(job.report.parent)
    own = {file: digest for file, digest in left.items() if file in mine}
    same = report is not None and identity is not None and report.get("identity") == identity
    if report is not None and same:
        unchanged = _unchanged(report, job.report)
        if len(unchanged) == len([*report["stems"], *report["exports"]]):
            return Existing(report=report)
        own |= {**unchanged, Path(os.path.abspath(job.report)): sha256(job.report)}
    foreign = [file for file in there if Path(os.path.abspath(file)) not in own]
    if foreign:
        why = ""
        if report is not None and identity is not None:
            why = (
                ", changed since it was made"
                if same
                else ", made from another recording or with other options"
            )
        raise InTheWayError(f"{shown(job.source)}: {shown(foreign[0])} is there{why}")
    return Existing(own=own)


@contextmanager
def scratch(job: Job) -> Iterator[Path]:
    """A hidden folder for whoever has the turn of a job. Raises OutputError."""
    beside = job.report.parent
    folder = beside / f".unweave-{job.report.stem}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir()
    except OSError as error:
        raise OutputError(f"{shown(beside)}: {advice(error)}") from error
    atomic.scratch.add(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        atomic.scratch.discard(folder)


def published(
    job: Job,
    said: Mapping[str, Any],
    files: Mapping[str, Path],
    sounds: Mapping[str, Mapping[str, Any]],
    own: Mapping[Path, str],
) -> dict[str, Any]:
    """Give all files and their report their names; the report.

    said: the report but for the files. files: complete ones, by their names in `job.outputs`.
    sounds: what is said of each of them that is sound. own: as `look` gives it. Raises OutputError.
    """
    hidden: dict[str, Hidden] = {}
    page = None
    taken = {Path(os.path.abspath(job.report))}
    if job.overwrite:
        taken |= {Path(os.path.abspath(job.outputs[name])) for name in files}
    try:
        for name, file in files.items():
            hidden[name] = atomic.adopted(file, job.outputs[name])
        digests = {name: file.sha256() for name, file in hidden.items()}
        listed = {
            name: {
                "path": Path(os.path.relpath(job.outputs[name], job.report.parent)).as_posix(),
                "sha256": digests[name],
                "bytes": file.size(),
            }
            for name, file in hidden.items()
        }
        stems = [{"stem": name, **listed[name], **facts} for name, facts in sounds.items()]
        exports = [{"kind": name, **listed[name]} for name in listed if name not in sounds]
        report = {**said, "stems": stems, "exports": exports}
        page = Hidden(job.report)
        page.file.write(as_bytes(report))
        page.finish()
        journal.commit(
            {hidden[name]: digest for name, digest in digests.items()},
            page,
            replace=job.overwrite,
            own={path: digest for path, digest in own.items() if path not in taken},
            before_names=lambda: job.report.unlink(missing_ok=True),
        )
    except OSError as error:
        path = getattr(error, "filename", None) or job.report
        if isinstance(error, FileExistsError):
            raise InTheWayError(f"{shown(path)}: appeared during the run") from error
        raise OutputError(f"{shown(path)}: cannot be written: {advice(error)}") from error
    finally:
        for each in (*hidden.values(), *([page] if page is not None else [])):
            each.discard()
    return report


def refuse_to_remove(jobs: Iterable[Job], inputs: Iterable[Path]) -> None:
    """Raises UsageError where `--overwrite` of a job would remove an input of the same run."""
    known = {os.path.realpath(path): path for path in inputs}
    for job in jobs:
        last = _read(job.report) if job.overwrite else None
        for file in () if last is None else _listed(last, job.report):
            path = known.get(os.path.realpath(file))
            if path is not None:
                raise UsageError(
                    f"{shown(path)}: is an input, and --overwrite would remove it as a file that "
                    f"{shown(job.source)} became; choose another folder with -o"
                )


def _report(path: Path, use: str) -> dict[str, Any] | None:
    """The report at `path` if it is one of this use that can be read."""
    found = _read(path)
    return found if found is not None and found["use"] == use else None


def _read(path: Path) -> dict[str, Any] | None:
    """The report of any use at `path`; None for what makes no sense as one."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        every = [(item["path"], item["sha256"]) for item in (*found["stems"], *found["exports"])]
        words = [found["use"], *(text for item in every for text in item)]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return found if all(isinstance(text, str) for text in words) else None


def _listed(report: Mapping[str, Any], path: Path) -> dict[Path, str]:
    """The files that the report at `path` names, with their SHA-256.

    Those in its folder: whatever a report says, no other file gives way.
    """
    folder = Path(os.path.abspath(path.parent))
    files = {
        Path(os.path.abspath(folder / item["path"])): item["sha256"]
        for item in (*report["stems"], *report["exports"])
    }
    return {file: digest for file, digest in files.items() if file.is_relative_to(folder)}


def _unchanged(report: Mapping[str, Any], path: Path) -> dict[Path, str]:
    """Those of `_listed` that are there as it says."""
    return {
        file: digest
        for file, digest in _listed(report, path).items()
        if file.is_file() and sha256(file) == digest
    }
