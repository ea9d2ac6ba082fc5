"""A case on the disk: a folder to which things are added and in which nothing is written over.

    log.jsonl                 what was done, see `log`
    01-NAME/copy/FILE         the working copy of a piece of evidence
    01-NAME/findings/ ...     what was made of it, a folder for each step
    report-1.html             of the first run, and so on
    certificate-1.txt
    signature-1.json          where it is signed

What a step makes lies in hiding, under `.staged`, until it is complete and on the disk. Then the
log gets an entry with the SHA-256 of every file, and one rename gives all of them their place.
After a kill in between, the next run finds them in hiding, as the log says they are, and makes up
for it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unweave.apps.forensic import log, machine
from unweave.apps.forensic.log import Entry, Log
from unweave.core import atomic
from unweave.core.atomic import fsync, sha256, sync_folders
from unweave.core.files import shown, writable
from unweave.core.lock import locked
from unweave.errors import OutputError, UsageError

FORMAT = 1
STAGED = ".staged"
LOCK = ".unweave-case.lock"


@dataclass
class Case:
    """A case that this process alone adds to. log: as it is now."""

    folder: Path
    log: Log

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self.log.entries

    def note(self, event: str, **facts: Any) -> Entry:
        """Add an entry to the log. Raises OutputError."""
        said = {"event": event, "time": machine.now(), **facts}
        entry, data = log.line(said, len(self.entries) + 1, self.log.last)
        with writable(self.folder / log.NAME):
            log.append(self.folder / log.NAME, data)
        self.log = Log((*self.entries, entry))
        return entry

    @contextmanager
    def staging(self, name: str) -> Iterator[Path]:
        """A path in hiding, for a file or a folder; what is not placed goes with the block.

        Raises OutputError.
        """
        path = self.folder / STAGED / name
        with writable(path):
            _remove(path)
            path.parent.mkdir(exist_ok=True)
        atomic.scratch.add(path)
        try:
            yield path
        finally:
            _remove(path)
            atomic.scratch.discard(path)

    def place(self, event: str, staged: Path, target: str, **facts: Any) -> Entry:
        """Log what is complete in hiding, then give it its place, `target` in the case.

        Raises OutputError where something has that place.
        """
        final = self.folder / target
        with writable(final):
            files = _finished(staged, target)
            final.parent.mkdir(exist_ok=True)
            if os.path.lexists(final):
                raise OutputError(
                    f"{shown(final)}: is there and is not in the log of the case; take another "
                    "folder with --case"
                )
            placed = {"staged": staged.name, "target": target, "files": files}
            with atomic.names_changing:
                entry = self.note(event, **facts, **placed)
                _move(staged, final)
        return entry


@contextmanager
def opened(folder: Path) -> Iterator[Case]:
    """The case in `folder`, new or old; what a run that was interrupted left is put in order.

    Raises UsageError for a folder that is something else, or whose log does not hold together,
    OutputError where it cannot be written to, or another run is at work.
    """

    def busy() -> None:
        raise OutputError(f"{shown(folder)}: another run is at work there; wait for its end")

    with writable(folder):
        if os.path.lexists(folder) and not folder.is_dir():
            raise UsageError(f"{shown(folder)}: is a file; name a folder with --case")
        made = atomic.make_folder(folder)
        try:
            with locked(folder / LOCK, busy):
                found = _read(folder)
                case = Case(folder, Log(found.entries))
                _settle(case, found.torn)
                if not case.entries:
                    case.note("case", format=FORMAT)
                try:
                    yield case
                finally:
                    _remove(folder / STAGED)
        finally:
            atomic.remove_empty(made)


def is_case(path: Path) -> bool:
    """Whether a folder holds the log of a case."""
    return (path / log.NAME).is_file()


def files(entries: Iterable[Entry]) -> dict[str, str]:
    """Every file that the log names, by its path in the case, with its SHA-256."""
    return {
        name: facts["sha256"]
        for entry in entries
        for name, facts in entry.get("files", {}).items()
        if not is_lost(entry, entries)
    }


def is_lost(entry: Entry, entries: Iterable[Entry]) -> bool:
    """Whether a later run found that the files of an entry never came to their place."""
    return any(entry["number"] in each.get("lost", ()) for each in entries)


def done(case: Case, identity: str) -> Entry | None:
    """The entry of a step that was done before and whose files are as it left them."""
    for entry in reversed(case.entries):
        if entry.get("identity") == identity and not is_lost(entry, case.entries):
            there = all(
                (case.folder / name).is_file() and sha256(case.folder / name) == facts["sha256"]
                for name, facts in entry["files"].items()
            )
            return entry if there else None
    return None


def free(case: Case, target: str) -> str:
    """`target`, or with a number behind it where the log has that name."""
    taken = {entry.get("target") for entry in case.entries}
    number = 1
    while (name := target if number == 1 else f"{target}-{number}") in taken:
        number += 1
    return name


def runs(entries: Sequence[Entry]) -> list[list[Entry]]:
    """The entries of each run."""
    found: list[list[Entry]] = []
    for entry in entries:
        if entry["event"] == "run":
            found.append([])
        if found:
            found[-1].append(entry)
    return found


def _read(folder: Path) -> Log:
    path = folder / log.NAME
    if not path.exists():
        others = [name for name in sorted(os.listdir(folder)) if not name.startswith(".")]
        if others:
            raise UsageError(
                f"{shown(folder)}: is no case, and holds {shown(others[0])}; name a new folder "
                "with --case"
            )
        return Log()
    found = log.read(path.read_bytes())
    if found.wrong:
        raise UsageError(
            f"{shown(path)}: {found.wrong}, so nothing is added to this case; 'unweave verify "
            f"{shown(folder)}' says more; name a new folder with --case"
        )
    return found


def _settle(case: Case, torn: bytes) -> None:
    """Log that a run was interrupted, and give what it finished its place."""
    last = (runs(case.entries) or [[]])[-1]
    if not torn and (not last or last[-1]["event"] in ("end", "cancelled")):
        _remove(case.folder / STAGED)
        return
    restored, lost = [], []
    for entry in last:
        if "target" not in entry:
            continue
        final = case.folder / entry["target"]
        if os.path.lexists(final):
            continue
        staged = case.folder / STAGED / entry["staged"]
        try:
            same = _finished(staged, entry["target"]) == entry["files"]
        except OSError:
            same = False
        if same:
            _move(staged, final)
            restored.append(entry["number"])
        else:
            lost.append(entry["number"])
    _remove(case.folder / STAGED)
    path = case.folder / log.NAME
    if torn:  # the bytes of the line that is not complete are kept in the entry that follows
        path_bytes = path.read_bytes()
        said = {
            "event": "interrupted",
            "time": machine.now(),
            "torn": torn.hex(),
            "restored": restored,
            "lost": lost,
        }
        entry, data = log.line(said, len(case.entries) + 1, case.log.last)
        with atomic.atomic_path(path) as hidden:
            hidden.write_bytes(path_bytes[: len(path_bytes) - len(torn)] + data)
        case.log = Log((*case.entries, entry))
    else:
        case.note("interrupted", restored=restored, lost=lost)


def listed(path: Path, target: str) -> dict[str, dict[str, Any]]:
    """A file, or all files of a folder, by their paths once it is `target`. Raises OSError."""
    return {
        "/".join((target, *file.relative_to(path).parts)): {
            "sha256": sha256(file),
            "bytes": file.stat().st_size,
        }
        for file in _inside(path)
    }


def _inside(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file())


def _finished(staged: Path, target: str) -> dict[str, dict[str, Any]]:
    """As `listed`, of what is on the disk then. Raises OSError."""
    for path in _inside(staged):
        with path.open("r+b") as file:
            fsync(file.fileno())
    sync_folders({path.parent for path in _inside(staged)})
    return listed(staged, target)


def _move(staged: Path, final: Path) -> None:
    final.parent.mkdir(exist_ok=True)
    os.rename(staged, final)
    sync_folders([final.parent, final.parent.parent])


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
