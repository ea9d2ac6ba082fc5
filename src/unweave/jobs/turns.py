"""One run at a time writes the files of a job.

The run that is at work holds a lock on a hidden file beside the report. The kernel lets go of it
when the process ends, however it ends, so that a killed run blocks no other.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from unweave.core import journal
from unweave.core.atomic import lock, remove_empty, sweep, unfinished
from unweave.core.files import advice, shown
from unweave.errors import OutputError
from unweave.jobs.plan import Job


@contextmanager
def turn(job: Job) -> Iterator[None]:
    """The time in which no other run writes the files of `job`.

    Makes the job's folders; those that are empty at the end are removed again. Raises OutputError
    at once where another run is at work here, or where a folder cannot be made.
    """
    folder = job.report.parent
    made: list[Path] = []
    handle = None
    file = _lock_file(job)
    try:
        try:
            made = missing_folders(job)
            folder.mkdir(parents=True, exist_ok=True)
            handle = _locked(file)
        except OSError as error:
            raise OutputError(f"{shown(folder)}: {advice(error)}") from error
        if handle is None:
            raise OutputError(
                f"{shown(job.source)}: another run is writing to {shown(folder)}; wait for its "
                "end, or choose another folder with -o"
            )
        unfinished[file] = made
        yield
    finally:
        if handle is not None:
            _unlock(file, handle)
            unfinished.pop(file, None)
        remove_empty(made)


def tidy(job: Job) -> None:
    """Remove what killed runs left in hiding; nothing where another run is at work here."""
    if _lock_file(job).exists():
        with suppress(OutputError), turn(job):
            clear(job)


def clear(job: Job) -> None:
    """Remove what killed runs left in hiding, for whoever has the turn. Never raises."""
    for folder in {file.parent for file in job.files}:
        sweep(folder)
    journal.settle(job.report.parent)


def _lock_file(job: Job) -> Path:
    return job.report.parent / f".unweave-{job.report.name}.lock"


def missing_folders(job: Job) -> list[Path]:
    """The folders that the job would have to make, outermost first."""
    folders = {folder for file in job.files for folder in file.parents if not folder.exists()}
    return sorted(folders, key=lambda folder: len(folder.parts))


def _locked(path: Path) -> int | None:
    """An open, locked file at `path`; None where another process has it."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if lock(handle) is False:
            os.close(handle)
            return None
        with suppress(OSError):
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        os.close(handle)  # its last holder has removed it between our two steps


def _unlock(path: Path, handle: int) -> None:
    if sys.platform == "win32":  # where no open file can be removed
        os.close(handle)
    with suppress(OSError):
        path.unlink()
    if sys.platform != "win32":
        os.close(handle)
