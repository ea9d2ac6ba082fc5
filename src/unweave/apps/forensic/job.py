"""An examination: the files of one run, each copied, examined and looked at again, in one case.

A run adds entries to the log: `run` (who, when, with what), then for each file `evidence`, a `step`
for each folder that is made, `evidence again`; or `failed`, or `cancelled`. Then come `report`,
`certificate` and `end`. A step that was done before, with the same copy and parameters, is `done
already` and stays as it is.
"""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.apps._shared import batch
from unweave.apps.forensic import case as cases
from unweave.apps.forensic import closing, evidence, findings, keys, machine, steps
from unweave.apps.forensic.case import Case
from unweave.apps.forensic.log import Entry
from unweave.apps.forensic.steps import Step, Watch
from unweave.apps.forensic.voices import Technique
from unweave.audio.reader import probe
from unweave.core.file_names import safe
from unweave.core.files import check_file, readable, shown, writable
from unweave.core.status import Status
from unweave.engine.executor import shared
from unweave.errors import Cancelled, InputError, OutputError, UsageError
from unweave.jobs import Job, Missed, Outcome, exit_code
from unweave.jobs.inputs import expand
from unweave.types import OnProgress, ShouldStop, StrPath

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from unweave.jobs import Watcher

NAME_BYTES = 60  # of a name in the names of folders


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is asked for of every file of a run.

    mains_hz: 50 or 60 where it is known. mains_reference: what the trace of the mains is compared
    with. key: signs the log.
    """

    operator: str = field(default_factory=machine.account)
    seed: int = 0
    techniques: Sequence[Technique] = ()
    mains_hz: float | None = None
    mains_reference: Path | None = None
    key: Ed25519PrivateKey | None = None

    def __post_init__(self) -> None:
        if not self.operator.strip() or not self.operator.isprintable():
            raise UsageError("--operator takes a name in one line, as in --operator 'A. Smith'")
        if self.mains_hz not in (None, 50.0, 60.0):
            raise UsageError(f"--mains-hz takes 50 or 60; got {self.mains_hz:g}")
        if self.mains_reference is not None:
            with readable(self.mains_reference):
                check_file(self.mains_reference)

    def facts(self) -> dict[str, Any]:
        """What of it the log keeps."""
        return {
            "operator": self.operator,
            "seed": self.seed,
            "techniques": [each.parameters() for each in self.techniques],
            "mains_hz": self.mains_hz,
            "mains_reference": None
            if self.mains_reference is None
            else os.path.abspath(self.mains_reference),
            "public_key": None if self.key is None else keys.public_of(self.key),
        }


def planned(inputs: Sequence[StrPath], folder: Path | None) -> tuple[Path, list[Job], list[Missed]]:
    """The folder of the case, a job for each file, and what is none.

    Files are named one by one, or by a pattern: looking into those of a folder to see which are
    sound would change the times of their last access. Raises UsageError.
    """
    names = [path for each in inputs for path in _meant(os.fspath(each))]
    folders = [name for name in names if os.path.isdir(name)]
    found, missed, _ = expand([name for name in names if name not in folders], Path(os.devnull))
    why = "is a folder; name its files, or a pattern in quotes, as in 'FOLDER/*.wav'"
    missed = [*(Missed(Path(name), why) for name in folders), *missed]
    if folder is None:
        if len(found) + len(missed) != 1:
            raise UsageError("several files go into one case; name its folder with --case")
        path = (found or missed)[0].path
        folder = Path(f"{safe(path.stem, longest=NAME_BYTES)}-case")
    if not found and all(item.empty for item in missed):
        raise UsageError("; ".join(f"{shown(item.path)}: {item.reason}" for item in missed))
    inside = os.path.realpath(folder)
    for item in found:
        if os.path.realpath(item.path).startswith(inside + os.sep):
            raise UsageError(
                f"{shown(item.path)}: lies in the case {shown(folder)}; name the evidence itself"
            )
    # A job is told from others by its report: the place that its findings would have.
    return (
        folder,
        [Job(item.path, {}, folder / f"file {n}") for n, item in enumerate(found, 1)],
        missed,
    )


def _meant(name: str) -> list[str]:
    if os.path.lexists(name) or not glob.has_magic(name):
        return [name]
    return sorted(glob.glob(os.path.expanduser(name), recursive=True)) or [name]


def run(
    jobs: Sequence[Job],
    missed: Sequence[Missed],
    order: Order,
    folder: Path,
    watcher: Watcher,
    should_stop: ShouldStop,
) -> list[Outcome]:
    """Examine every file, one after the other, and close the run; the outcomes in their order.

    missed: what was named and is no file, which the log keeps. Raises UsageError, OutputError for a
    folder that takes no case.
    """
    started = time.monotonic()
    with cases.opened(folder) as case:
        case.note("run", **order.facts(), machine=machine.facts())
        for each in missed:
            case.note("failed", path=os.path.abspath(each.path), error=each.reason)
        try:
            reference = _reference(case, order, should_stop)
            work = partial(_logged, case=case, order=order, reference=reference)
            outcomes = batch.run(jobs, lambda _: work, watcher, should_stop)
        except Cancelled:
            case.note("cancelled")
            raise
        code = exit_code(outcomes)
        if any(outcome.status is Status.CANCELLED for outcome in outcomes):
            case.note("cancelled")
        else:
            made = closing.close(case, order.key, code, time.monotonic() - started)
            for outcome in outcomes:
                if outcome.report is not None:
                    outcome.report["case"] = made
    return outcomes


def _logged(
    job: Job,
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
    *,
    case: Case,
    order: Order,
    reference: tuple[str | None, str | None],
) -> Outcome:
    """Examine one file; the log keeps how it ended."""
    try:
        return _examined(job, on_progress, should_stop, case, order, reference)
    except Cancelled:
        raise
    except Exception as error:
        case.note("failed", path=os.path.abspath(job.source), error=f"{error}")
        raise


def _examined(
    job: Job,
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
    case: Case,
    order: Order,
    reference: tuple[str | None, str | None],
) -> Outcome:
    check = partial(shared().check, shown(job.source), should_stop)
    taken = _taken(case, job.source, check)
    copy = case.folder / taken["copy"]
    info = probe(copy)
    passes = 3 + len(findings.ALL) + 3 * len(order.techniques)
    total_s = info.duration_s and passes * info.duration_s
    watch = Watch(check, steps.telling(on_progress, total_s))
    first = _step(case, taken, steps.of_findings(order.mains_hz, *reference), watch)
    document = f"{first['target']}/{steps.DOCUMENT}"
    entries = [first]
    marked = steps.of_pictures(document, first["files"][document]["sha256"])
    entries.append(_step(case, taken, marked, watch))
    for technique in order.techniques:
        of_name = safe(technique.name, everywhere=True, longest=NAME_BYTES)
        entries.append(_step(case, taken, steps.of_voice(technique, of_name), watch))
    _look_again(case, job.source, taken, check)
    report = {
        "evidence": {key: taken[key] for key in ("path", "sha256", "copy")},
        **steps.read(case.folder / document),
        "files": [name for entry in entries for name in entry["files"]],
        "warnings": [said for entry in entries for said in entry.get("warnings", ())],
    }
    return Outcome(source=job.source, job=job, status=Status.DONE, report=report)


def _reference(case: Case, order: Order, should_stop: ShouldStop) -> tuple[str | None, str | None]:
    """The recording of the mains, copied into the case: its path there, and its SHA-256.

    Raises InputError.
    """
    path = order.mains_reference
    if path is None:
        return None, None
    check = partial(shared().check, shown(path), should_stop)
    with case.staging("reference") as staged, writable(case.folder):
        staged.mkdir()
        file = staged / safe(path.name, everywhere=True)
        with file.open("xb") as into:
            looked = evidence.look(path, into, check)
        identity = f"reference {looked.sha256}"
        entry = cases.done(case, identity) or case.place(
            "reference",
            staged,
            cases.free(case, "reference"),
            identity=identity,
            path=os.path.abspath(path),
            looked=looked.facts(),
        )
    return next(iter(entry["files"])), looked.sha256


def _taken(case: Case, path: Path, check: Any) -> Entry:
    """Copy a piece of evidence into the case, unless it is there; the entry that says so.

    Raises InputError for what cannot be read or holds no sound.
    """
    said: dict[str, Any] = {"path": os.path.abspath(path), "name": path.name}
    with ExitStack() as held:
        staged = held.enter_context(case.staging("copy"))
        held.enter_context(writable(case.folder))
        staged.mkdir()
        file = staged / safe(path.name, everywhere=True)
        with file.open("xb") as into:
            looked = evidence.look(path, into, check)
        said |= {"sha256": looked.sha256, "looked": looked.facts()}
        for entry in case.entries:
            same = entry["event"] == "evidence" and entry["sha256"] == looked.sha256
            if same and "files" in entry and cases.done(case, entry["identity"]):
                again = {"copy": entry["copy"], "number_of": entry["number_of"]}
                return case.note("evidence", **said, **again)
        try:
            probe(file)
        except InputError as error:
            raise InputError(str(error).replace(shown(file), shown(path))) from error
        number = 1 + sum(e["event"] == "evidence" and "files" in e for e in case.entries)
        target = f"{number:02d}-{safe(path.stem, everywhere=True, longest=NAME_BYTES)}"
        copy = f"{target}/copy/{file.name}"
        entry = case.place(
            "evidence",
            staged,
            f"{target}/copy",
            **said,
            copy=copy,
            number_of=number,
            identity=f"evidence {looked.sha256}",
        )
    if entry["files"][copy]["sha256"] != looked.sha256:
        raise OutputError(f"{shown(case.folder / copy)}: is not what was read; check the disk")
    os.chmod(case.folder / copy, 0o444)
    return entry


def _step(case: Case, taken: Entry, step: Step, watch: Watch) -> Entry:
    """Do a step, unless it was done before with the same copy and parameters; its entry."""
    watch.check()
    identity = step.identity(taken["sha256"])
    if before := cases.done(case, identity):
        case.note("done already", step=step.kind, entry=before["number"])
        return before
    started = time.monotonic()
    folder = taken["copy"].split("/")[0]
    with case.staging(step.target) as staged, writable(case.folder):
        said = steps.make(
            step.kind, step.parameters, case.folder, case.folder / taken["copy"], staged, watch
        )
        return case.place(
            "step",
            staged,
            cases.free(case, f"{folder}/{step.target}"),
            step=step.kind,
            parameters=dict(step.parameters),
            identity=identity,
            copy=taken["copy"],
            seconds=round(time.monotonic() - started, 3),
            **said,
        )


def _look_again(case: Case, path: Path, taken: Mapping[str, Any], check: Any) -> None:
    """Hash the evidence once more. Raises InputError where it is another than before."""
    looked = evidence.look(path, check=check)
    then, now = taken["looked"]["before"], looked.after
    same = {
        "content": looked.sha256 == taken["sha256"],
        "modified": then["modified_ns"] == now.modified_ns,
        "accessed": then["accessed_ns"] == now.accessed_ns,
    }
    case.note(
        "evidence again",
        path=taken["path"],
        copy=taken["copy"],
        sha256=looked.sha256,
        looked=looked.facts(),
        same=same,
    )
    if not (same["content"] and same["modified"]):
        raise InputError(
            f"{shown(path)}: was changed by another program while it was examined; the log says "
            "what it was before and after"
        )
