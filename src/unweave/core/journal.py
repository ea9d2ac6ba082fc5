"""Several files that get their names together, a report last, which says that all are there.

No disk renames several files at once. So before the first rename a hidden journal is written beside
the report: which files come, and the SHA-256 of each. It goes when the report has its name. After a
kill in between there is a journal and no report: nothing is finished, and the files that hold what
the journal says are the killed run's own. They give way when the work is done again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from unweave.core.whole import PREFIX, Hidden, appearing, sha256, sync_folders


def commit(
    files: Mapping[Hidden, str],
    report: Hidden,
    *,
    replace: bool,
    before_names: Callable[[], None] | None = None,
) -> None:
    """Give finished files their names, then the report its own.

    files: each with its SHA-256. replace: take the place of files of those names; else only what a
    killed run left gives way. before_names: called before the first rename, when nothing can be
    missing any more. Where a name cannot be given, no file stays. Raises OSError; FileExistsError
    where a name is taken and `replace` is False.
    """
    targets = {hidden.target: digest for hidden, digest in files.items()}
    if not replace:
        for path in leftovers(report.target) & targets.keys():
            path.unlink()
    journal = _journal(report.target)
    folder = report.target.parent
    names = {os.path.relpath(path, folder): digest for path, digest in targets.items()}
    with appearing(journal) as hidden:
        hidden.write_text(json.dumps({"sha256": names}), encoding="utf-8")
    placed: list[Path] = []
    try:
        if before_names is not None:
            before_names()
        if replace:  # an older report must not speak for half of the new
            report.target.unlink(missing_ok=True)
        for file in files:
            file.place(replace=replace)
            if not file.into:  # a device stays
                placed.append(file.target)
        sync_folders(path.parent for path in targets)
        report.place(replace=replace)
    except BaseException:
        for path in (*placed, journal):
            with suppress(OSError):
                path.unlink()
        raise
    sync_folders([folder])
    journal.unlink()


def clear(report: Path) -> None:
    """Remove the journal of a run that was killed when its report, which is there, had its name.

    For whoever has the turn in the folder. Never raises.
    """
    with suppress(OSError):
        _journal(report).unlink()


def leftovers(report: Path) -> set[Path]:
    """The files that a run which was killed left under final names; none where `report` is there.

    They hold what the journal says, to the byte. Raises OSError where one cannot be read.
    """
    if report.exists():
        return set()
    try:
        names = json.loads(_journal(report).read_text(encoding="utf-8"))["sha256"]
        listed = {report.parent / name: digest for name, digest in names.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()
    paths = {Path(os.path.normpath(path)): digest for path, digest in listed.items()}
    return {path for path, digest in paths.items() if path.is_file() and sha256(path) == digest}


def _journal(report: Path) -> Path:
    key = hashlib.sha256(os.fsencode(report.name)).hexdigest()[:16]
    return report.with_name(f"{PREFIX}{key}.journal")
