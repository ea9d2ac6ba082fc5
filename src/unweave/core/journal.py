"""Several files that get their names together, a report last, which says that all are there.

No disk renames several files at once. So before the first rename a hidden journal is written beside
the report: which files come, the report among them, and the SHA-256 of each. It goes when the
report has its name. After a kill in between there is a journal and not its report: nothing is
finished, and the files that hold what the journal says are the killed run's own. They give way when
the work is done again, whatever else is done in between.

The kernel holds a lock on the journal for as long as its writer lives.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from unweave.core import atomic
from unweave.core.atomic import PREFIX, Hidden, sha256, sync_folders

SUFFIX = ".journal"


def commit(
    files: Mapping[Hidden, str],
    report: Hidden,
    *,
    replace: bool,
    own: Mapping[Path, str] | None = None,
    before_names: Callable[[], None] | None = None,
) -> None:
    """Give finished files their names, then the report its own.

    files: each with its SHA-256. replace: take the place of files of those names. own: files, each
    with its SHA-256, that give way whether or not others come in their place. before_names: called
    before the first rename, when nothing can be missing any more; it makes room for the report.
    Where a name cannot be given, no file stays. Raises OSError; FileExistsError where a name is
    taken that may not be.
    """
    for file in files:
        if file.into:  # a pipe may make us wait, and so comes before anything changes
            file.place()
    named = {file: digest for file, digest in files.items() if not file.into}
    for file in (*named, report):  # nothing has changed yet
        if file.target.is_dir() and not file.target.is_symlink():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file.target))
    placed: list[Path] = []
    folder = report.target.parent
    try:
        with atomic.names_changing, _written({**named, report: report.sha256()}, folder):
            try:
                if before_names is not None:
                    before_names()
                elif replace:  # an older report must not speak for half of the new
                    report.target.unlink(missing_ok=True)
                if not replace:  # they may have the names that are wanted
                    _give_way(own or {}, folder)
                for file in named:
                    file.place(replace=replace)
                    placed.append(file.target)
                if replace:
                    _give_way(own or {}, folder)
                sync_folders(path.parent for path in placed)
                report.place(replace=False)
            except BaseException:
                for path in placed:
                    with suppress(OSError):
                        path.unlink()
                placed.clear()
                raise
            sync_folders([folder])
    finally:
        settle(folder, placed)


def _give_way(own: Mapping[Path, str], folder: Path) -> None:
    """Remove files that are there as it says, and the folders in `folder` that are empty then."""
    for path, digest in own.items():
        if path.is_file() and sha256(path) == digest:
            path.unlink()
            if Path(os.path.abspath(folder)) in path.parent.parents:
                with suppress(OSError):  # other files are in it
                    path.parent.rmdir()


def leftovers(folder: Path) -> dict[Path, str]:
    """The files, each with its SHA-256, that killed runs left under final names, by the journals
    in `folder`. They hold what the journal says, to the byte. Paths are absolute.

    Raises OSError where one cannot be read.
    """
    return {
        path: digest
        for journal in _dead(folder)
        if not journal.is_done()
        for path, digest in journal.files.items()
        if path.is_file() and sha256(path) == digest
    }


def settle(folder: Path, placed: Iterable[Path] = ()) -> None:
    """Remove the journals of killed runs in `folder` that tell of nothing any more.

    Their report has its name, or their files are gone, changed, or `placed` anew. Never raises.
    """
    with suppress(OSError):
        new = {Path(os.path.abspath(path)) for path in placed}
        for journal in _dead(folder):
            if journal.is_done() or not journal.left() - new:
                with suppress(OSError):
                    journal.path.unlink()


@dataclass(frozen=True, slots=True)
class _Journal:
    path: Path
    files: Mapping[Path, str]
    report: tuple[Path, str] | None  # None: the journal makes no sense

    def is_done(self) -> bool:
        """Whether its report has got its name. Raises OSError."""
        if self.report is None:
            return True
        path, digest = self.report
        return path.is_file() and sha256(path) == digest

    def left(self) -> set[Path]:
        """Those of its files that are there as it says. Raises OSError."""
        return {p for p, digest in self.files.items() if p.is_file() and sha256(p) == digest}


@contextmanager
def _written(files: Mapping[Hidden, str], folder: Path) -> Iterator[None]:
    """A journal of files and their report, the last, in `folder`, locked while the block runs."""
    names = [os.path.relpath(file.target, folder) for file in files]
    entries = dict(zip(names, files.values(), strict=True))
    journal = Hidden(folder / f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}")
    try:
        journal.file.write(json.dumps({"sha256": entries, "report": names[-1]}).encode())
        journal.finish()
        journal.place(close=False)
        sync_folders([folder])
        yield
    finally:
        journal.discard()
        with suppress(OSError):
            journal.target.unlink()


def _dead(folder: Path) -> Iterator[_Journal]:
    """The journals in `folder` whose writers live no more. Raises OSError."""
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return
    for name in names:
        if name.startswith(PREFIX) and name.endswith(SUFFIX):
            with suppress(FileNotFoundError, PermissionError):  # gone, or somebody else's
                path = folder / name
                if atomic.is_abandoned(path):
                    yield _read(path)


def _read(path: Path) -> _Journal:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        digests = {
            Path(os.path.abspath(path.parent / name)): str(digest)
            for name, digest in document["sha256"].items()
        }
        report = Path(os.path.abspath(path.parent / document["report"]))
        return _Journal(path, digests, (report, digests.pop(report)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _Journal(path, {}, None)
