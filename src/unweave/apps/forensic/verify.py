"""Is a case what it was, and does the same come out again?

In this order: the log holds together, every file is as the log says, signatures are right, the
evidence is what it was, and each step, report and certificate, made anew from the working copy, has
the same bytes. Each thing that differs is named, the first one first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.apps.forensic import case as cases
from unweave.apps.forensic import closing, evidence, keys, log, machine, steps
from unweave.apps.forensic.log import Entry
from unweave.apps.forensic.steps import Watch
from unweave.core.atomic import sha256, temporary_folder
from unweave.core.files import readable, shown
from unweave.engine.executor import shared
from unweave.errors import Cancelled, UnweaveError, UsageError

if TYPE_CHECKING:
    from unweave.types import OnProgress, ShouldStop, StrPath


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseVerdict:
    """What was found. differs: what is not as it was, in words, in the order of the case. notes:
    what else there is to know. checked: files that were held against the log; repeated: files that
    were made again. versions_differ: of machine and packages, name -> (then, now)."""

    case: str
    agrees: bool
    differs: tuple[str, ...]
    notes: tuple[str, ...]
    entries: int
    log_hash: str
    checked: int
    repeated: int
    versions_differ: dict[str, tuple[str, str]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def verify(
    case: StrPath,
    *,
    log_hash: str | None = None,
    public_key: StrPath | None = None,
    recording: StrPath | None = None,
    replay: bool = True,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> CaseVerdict:
    """Check a case, and repeat all that was computed in it.

    log_hash: as it is printed on a certificate or a report. public_key: a PEM file; every run must
    be signed by it. recording: where the evidence lies now, if the case has one piece of it.
    replay: False checks what is there, and repeats nothing. Raises UsageError for what is no case,
    InputError where the log cannot be read, Cancelled.
    """
    folder = Path(case)
    if not cases.is_case(folder):
        raise UsageError(f"{shown(folder)}: is no case, it holds no {log.NAME}")
    wanted = None if public_key is None else keys.public(Path(public_key))
    given = None if log_hash is None else log_hash.strip().lower()
    check = _checking(folder, should_stop)
    with readable(folder / log.NAME):
        found = log.read((folder / log.NAME).read_bytes())
    entries = found.entries
    differs = list(_of_log(found, given))
    notes: list[str] = []
    wrong = dict(_files(folder, entries, check))
    differs += wrong.values()
    differs += _not_in_log(folder, entries)
    differs += _signatures(folder, entries, wrong, wanted)
    for said, is_wrong in _evidence(entries, recording, check):
        (differs if is_wrong else notes).append(said)
    for number, run in enumerate(cases.runs(entries), 1):
        if not any(entry["event"] == "end" for entry in run):
            notes.append(f"run {number} did not come to its end")
    for entry in entries:
        if cases.is_lost(entry, entries):
            notes.append(f"{shown(entry['target'])}: was never finished, a run was interrupted")
    repeated = 0
    if replay and not found.wrong:
        watch = Watch(check, steps.telling(on_progress))
        for entry in entries:
            if "files" not in entry or cases.is_lost(entry, entries):
                continue
            words, count = _again(folder, entry, entries, wrong, watch)
            differs += words
            repeated += count
    return CaseVerdict(
        case=str(folder),
        agrees=not differs,
        differs=tuple(differs),
        notes=tuple(notes),
        entries=len(entries),
        log_hash=found.last,
        checked=len(cases.files(entries)),
        repeated=repeated,
        versions_differ=_versions(entries),
    )


def models(case: Path) -> list[str]:
    """The separators that repeating a case needs. None where its log does not hold together."""
    with readable(case / log.NAME):
        found = log.read((case / log.NAME).read_bytes())
    return [
        entry["parameters"]["request"]["separator"]["model"]
        for entry in found.entries
        if entry.get("step") == steps.VOICE and "parameters" in entry
    ]


def _checking(folder: Path, should_stop: ShouldStop | None) -> Callable[[], None]:
    return lambda: shared().check(shown(folder), should_stop)


def _of_log(found: log.Log, given: str | None) -> Iterator[str]:
    if found.wrong:
        yield f"{log.NAME}: {found.wrong}"
    if found.torn:
        line = len(found.entries) + 1
        yield f"{log.NAME}: line {line}, the last, is not complete: cut off, or changed"
    if not found.entries or found.entries[0]["event"] != "case":
        yield f"{log.NAME}: does not begin as the log of a case"
    if given is not None and given not in {entry["hash"] for entry in found.entries}:
        yield f"{log.NAME}: has no entry with the hash {shown(given)}: it is another log"


def _files(
    folder: Path, entries: tuple[Entry, ...], check: Callable[[], None]
) -> Iterator[tuple[str, str]]:
    """The files that are not as the log says, each with words."""
    for name, digest in cases.files(entries).items():
        check()
        path = folder / name
        if not path.is_file():
            yield name, f"{shown(name)}: is missing"
            continue
        try:
            with readable(path):
                same = sha256(path) == digest
        except UnweaveError as error:
            yield name, str(error)
            continue
        if not same:
            yield name, f"{shown(name)}: is not what the log says (its SHA-256 differs)"


def _not_in_log(folder: Path, entries: tuple[Entry, ...]) -> Iterator[str]:
    known = set(cases.files(entries)) | {log.NAME}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = inside.parts[0] in (cases.STAGED, cases.LOCK)  # of a run at work, or killed
        if not hidden and not path.is_dir() and inside.as_posix() not in known:
            yield f"{shown(inside.as_posix())}: is not in the log"


def _signatures(
    folder: Path, entries: tuple[Entry, ...], wrong: Mapping[str, str], wanted: str | None
) -> Iterator[str]:
    """What is wrong with the signatures. wanted: the public key that all runs must have."""
    for number, run in enumerate(cases.runs(entries), 1):
        key = run[0]["public_key"]
        if wanted is not None and key != wanted:
            yield f"{log.NAME}: run {number} is not signed by the key that was given"
        signed = [entry for entry in run if entry["event"] == closing.SIGNATURE]
        ended = any(entry["event"] == "end" for entry in run)
        if key is not None and not signed and (ended or wanted is not None):
            yield f"{log.NAME}: run {number} has no signature"
        for entry in signed:
            name = entry["target"]
            if name in wrong or cases.is_lost(entry, entries):
                continue
            with readable(folder / name):
                said = keys.read((folder / name).read_bytes())
            last = entries[entry["number"] - 2]
            if said is None:
                yield f"{name}: the signature is not right"
            elif (said["public_key"], said["entry"], said["log_hash"]) != (
                key,
                last["number"],
                last["hash"],
            ):
                yield f"{name}: signs another log, or is of another key than the log names"


def _evidence(
    entries: tuple[Entry, ...], recording: StrPath | None, check: Callable[[], None]
) -> Iterator[tuple[str, bool]]:
    """What there is to say of the evidence, and whether it is something that differs."""
    seen = {entry["path"]: entry for entry in entries if entry["event"] == "evidence"}
    if recording is not None and len(seen) > 1:
        raise UsageError("--input goes with a case of one recording")
    for path, entry in seen.items():
        place = Path(path if recording is None else recording)
        if not os.path.lexists(place):
            yield f"{shown(place)}: the evidence is not there; its copy was checked", False
            continue
        try:
            looked = evidence.look(place, check=check)
        except UnweaveError as error:
            if isinstance(error, Cancelled):
                raise
            yield str(error), False
            continue
        if looked.sha256 != entry["sha256"]:
            yield f"{shown(place)}: the evidence is not what it was (its SHA-256 differs)", True
    for entry in entries:
        if entry["event"] == "evidence again" and not entry["same"]["content"]:
            yield f"{shown(entry['path'])}: was changed while it was examined, says the log", True


def _again(
    folder: Path,
    entry: Entry,
    entries: tuple[Entry, ...],
    wrong: Mapping[str, str],
    watch: Watch,
) -> tuple[list[str], int]:
    """Make the files of an entry anew: what differs, and how many are made."""
    event, files = entry["event"], entry["files"]
    with temporary_folder("unweave-verify-") as scratch:
        fresh = scratch / "fresh"
        try:
            if event in closing.MADE:
                before = entries[: entry["number"] - 1]
                fresh.write_bytes(closing.MADE[event](folder, before))
            elif event == "step":
                if entry["copy"] in wrong:
                    return [f"{shown(entry['target'])}: cannot be repeated, its copy differs"], 0
                steps.make(
                    entry["step"],
                    entry["parameters"],
                    folder,
                    folder / entry["copy"],
                    fresh,
                    watch,
                    entry.get("execution"),
                )
            else:
                return [], 0
        except Cancelled:
            raise
        except (UnweaveError, OSError, ValueError, KeyError) as error:
            return [f"{shown(entry['target'])}: cannot be repeated: {shown(str(error))}"], 0
        made = cases.listed(fresh, entry["target"])
        words = [
            f"{shown(name)}: comes out differently when it is repeated"
            for name in sorted({*files, *made})
            if files.get(name) != made.get(name)
        ]
    return words, len(made)


def _versions(entries: tuple[Entry, ...]) -> dict[str, tuple[str, str]]:
    """What of machine and program is not as it was in the last run: it may explain much."""
    runs = cases.runs(entries)
    if not runs:
        return {}
    then, now = runs[-1][0]["machine"], machine.facts()
    names = ("processor", "system", "python", "unweave", "commit", "code_sha256")
    old = {name: str(then[name]) for name in names} | then["packages"]
    new = {name: str(now[name]) for name in names} | now["packages"]
    return {
        name: (old.get(name, "missing"), new.get(name, "missing"))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    }
