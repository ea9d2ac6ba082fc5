"""Separate again what a report says was separated, and see whether the stems come out the same.

The recording, the weights and the files among the options must be those the report names (SHA-256).
Each stem is compared twice: the file on disk with the report, and a fresh separation, made in a
temporary folder, with both. What else the report says of the recording and of the stems is held
against what the fresh separation finds.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.core.atomic import sha256, temporary_folder
from unweave.core.files import readable, shown
from unweave.errors import InputError, UsageError
from unweave.jobs.reports import (
    Report,
    find_named_file,
    find_recording,
    output_files,
    read_report,
    reports_beside,
    request_of,
)
from unweave.request import Execution, SeparationRequest, SeparatorRef, brief

if TYPE_CHECKING:
    from unweave.types import OnProgress, ShouldStop, StrPath, Wave

REPORT = "report.json"
_BLOCK_S = 1.0
# Levels that are measured and rounded to 0.01 may fall on either side elsewhere.
_ROUNDED_DB = 0.0101
_MEASURED = {"null_test_db", "peak_dbfs", "loudness_lufs"}
# What differs from run to run or place to place, and what is compared by itself.
_NOT_COMPARED = {
    "schema_version", "unweave", "identity", "input.path", "request.separator.model",
    "request.separator.card_sha256", "request.separator.revision", "request.separator.files",
    "request.engine_revision", "request.execution", "stems", "execution",
}  # fmt: skip

EQUAL_DB = 999.0  # signal over difference where the sound is equal and the bytes are not


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One stem: whether the bytes agree, and if not, by how much the sound differs."""

    stem: str
    path: str
    agrees: bool  # the fresh file has the bytes that the report recorded
    on_disk: str  # 'as reported', 'changed since the report' or 'missing'
    difference_db: float | None  # signal over difference; None: equal, or not comparable
    sha256: str  # as the report recorded it
    sha256_now: str  # of the fresh file
    peak_dbfs: float
    loudness_lufs: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What `verify` found. `agrees`: every stem is what the report says, on disk and made again,
    and so is everything else that the report says of the recording and the stems. Levels and the
    null test are those of the fresh separation."""

    report: str
    input: str
    agrees: bool
    stems: tuple[Compared, ...]
    null_test_db: float | None
    gain_db: float
    fields_differ: dict[str, tuple[Any, Any]]  # place in the report -> (then, now)
    versions_differ: dict[str, tuple[str, str]]  # name -> (then, now)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A report, and all that it takes to repeat it, found and checked."""

    path: Path
    report: Report
    source: Path
    request: SeparationRequest


def reports_at(path: Path) -> list[Path]:
    """The report at `path`, or every one in that folder.

    Raises UsageError where none is, OSError for a name that cannot be looked at.
    """
    if not path.is_dir():
        return [path]
    found = list(reports_beside(path / REPORT))
    if not found:
        raise UsageError(f"{shown(path)}: holds no {REPORT}; name the report beside the stems")
    return found


def verify(
    report_path: StrPath,
    *,
    recording: StrPath | None = None,
    model: str | None = None,
    device: str | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Verdict:
    """Separate again what a report, or the `report.json` in a folder, says, and compare the bytes.

    recording: where the recording lies now, if it was moved. model: the card, likewise. device:
    instead of the report's. Raises UsageError when there is no report that this version reads,
    InputError when the recording, the weights or a file among the options are missing or others.
    """
    moved = None if recording is None else Path(recording)
    ready = prepare(Path(report_path), recording=moved, model=model, device=device)
    return repeat(ready, on_progress=on_progress, should_stop=should_stop)


def prepare(
    report_path: Path,
    *,
    recording: Path | None = None,
    model: str | None = None,
    device: str | None = None,
) -> Repeat:
    """Read a report, or the `report.json` in a folder, and find what it names, before any work.

    recording: where the recording lies now, if it was moved. model: the card, likewise. device:
    instead of the report's. Raises UsageError when there is no report that this version reads,
    InputError when the recording, the weights or a file among the options are missing or others,
    and for what was made from memory.
    """
    from unweave import registry

    if report_path.is_dir():
        report_path = report_path / REPORT
    try:
        report = read_report(report_path)
    except InputError as error:
        raise UsageError(str(error)) from error
    then, execution = request_of(report), report["execution"]
    separator = then.separator
    if separator.model is None:
        raise InputError(
            f"{shown(report_path)}: was made with {separator.name} from memory (a separator or "
            "sound that a program held), which cannot be repeated"
        )
    source = find_recording(report, report_path, recording)
    named = {file.option: str(find_named_file(file, report_path)) for file in separator.files}
    name = model or separator.model
    now, _ = registry.resolve(name, {**separator.options, **named})
    for what, old, new in _pinned(separator, now):
        if old != new:
            raise InputError(
                f"{shown(report_path)}: {what}: report {brief(old)}, now {brief(new)} "
                f"({shown(name)}); name the card of the others with --model"
            )
    if now.weights_sha256 is None and now.name != separator.name:
        raise UsageError(f"{shown(report_path)}: was made with {separator.name}, not {shown(name)}")
    # How many segments are at work at once may change the last bits on a GPU.
    batch = execution["batch"] if device in (None, execution["device"]) else None
    return Repeat(
        path=report_path,
        report=report,
        source=source,
        request=replace(
            then,
            separator=now,
            execution=Execution(device=device or execution["device"], batch=batch),
        ),
    )


def _pinned(
    then: SeparatorRef, now: SeparatorRef, member: str = ""
) -> Iterator[tuple[str, str | None, str | None]]:
    """What must not have changed since a report: in words if it did, and its hashes then and now.

    member: what to call the separator where it is a part of another.
    """
    of = f" of the member {member}" * bool(member)
    if now.members:
        yield f"the file{of} differs", then.card_sha256, now.card_sha256
    for part, part_now in zip(then.members, now.members, strict=False):
        yield from _pinned(part, part_now, shown(part_now.model or part_now.name))
    yield f"the weights{of} differ", then.weights_sha256, now.weights_sha256
    for file, file_now in zip(then.files, now.files, strict=False):
        what = f"the file of the option {file.option}, {shown(file_now.path)}, differs"
        yield what, file.sha256, file_now.sha256


def repeat(
    ready: Repeat,
    *,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Verdict:
    """Separate again and compare. Raises as the engine does."""
    report = ready.report
    files = output_files(report, ready.path)
    with temporary_folder("unweave-verify-") as folder:
        asked = ready.request.stems
        ending = next(iter(files.values())).suffix
        fresh = {stem: Path(folder, f"{n}{ending}") for n, stem in enumerate(asked)}
        again = _separate_again(ready, fresh, Path(folder, REPORT), on_progress, should_stop)
        entries = {item["stem"]: item for item in again["stems"]}
        stems = tuple(
            _compare(item, entries[item["stem"]], files[item["stem"]], fresh[item["stem"]])
            for item in report["stems"]
        )
    fields = _fields_differ(report, again)
    return Verdict(
        report=str(ready.path),
        input=str(ready.source),
        agrees=not fields and all(s.agrees and s.on_disk == "as reported" for s in stems),
        stems=stems,
        null_test_db=again["null_test_db"],
        gain_db=again["gain_db"],
        fields_differ=fields,
        versions_differ=_versions_differ(report, again),
    )


def difference_db(reference: Path, estimate: Path) -> float | None:
    """10 log10 of the energy of `reference` over that of its difference to `estimate`.

    None when either cannot be read, or they differ in rate, channels or length.
    """
    from itertools import zip_longest

    import numpy as np

    from unweave.audio.reader import Reader
    from unweave.errors import UnweaveError

    signal = difference = 0.0
    try:
        with Reader(reference) as one, Reader(estimate) as other:
            rate_hz = one.info.sample_rate_hz
            if rate_hz != other.info.sample_rate_hz:
                return None
            size = max(1, int(_BLOCK_S * rate_hz))
            pairs: Iterator[tuple[Wave | None, Wave | None]]
            pairs = zip_longest(one.blocks(size), other.blocks(size))
            for a, b in pairs:
                if a is None or b is None or a.shape != b.shape:
                    return None
                wide = a.astype(np.float64)
                signal += float(np.sum(wide**2))
                difference += float(np.sum((wide - b) ** 2))
    except UnweaveError:
        return None
    if difference == 0.0:
        return math.inf
    return 10.0 * math.log10(signal / difference) if signal else -math.inf


def _separate_again(
    ready: Repeat,
    outputs: dict[str, Path],
    report_path: Path,
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
) -> dict[str, Any]:
    from unweave import registry
    from unweave.engine.run import separate_file

    return separate_file(
        ready.source,
        outputs,
        report_path,
        partial(registry.load_pinned, ready.request.separator),
        ready.request,
        on_progress=on_progress,
        should_stop=should_stop,
    )


def _compare(item: Report, now: Report, file: Path, fresh: Path) -> Compared:
    agrees = now["sha256"] == item["sha256"]
    with readable(file):
        there = file.is_file()
        same = there and sha256(file) == item["sha256"]
    on_disk = "as reported" if same else "changed since the report" if there else "missing"
    differs = there and not (agrees and on_disk == "as reported")
    return Compared(
        stem=item["stem"],
        path=os.fspath(file),
        agrees=agrees,
        on_disk=on_disk,
        difference_db=_finite(difference_db(file, fresh)) if differs else None,
        sha256=item["sha256"],
        sha256_now=now["sha256"],
        peak_dbfs=now["peak_dbfs"],
        loudness_lufs=now["loudness_lufs"],
    )


def _finite(value: float | None) -> float | None:
    """Infinity is not JSON: equal sound in other bytes is a difference of 999 dB."""
    return None if value is None else max(-EQUAL_DB, min(EQUAL_DB, round(value, 2)))


def _fields_differ(then: Report, now: Report) -> dict[str, tuple[Any, Any]]:
    """What the report says otherwise than the fresh separation finds: place -> (then, now)."""
    old, new = dict(_flat(then)), dict(_flat(now))
    # Files among the options may have been moved; `prepare` has looked at their content.
    files = {
        f"request.separator.options.{file.option}" for file in request_of(then).separator.files
    }
    found = {
        place: (old.get(place), new.get(place))
        # A report of the first version says less.
        for place in sorted((set(old) if then["schema_version"] == 1 else {*old, *new}) - files)
        if not _equal(place, old.get(place), new.get(place))
    }
    entries = {item["stem"]: item for item in now["stems"]}
    for item in then["stems"]:
        for field in ("samples", "bytes", "peak_dbfs", "loudness_lufs"):
            pair = item[field], entries[item["stem"]][field]
            if not _equal(field, *pair):
                found[f"stems.{item['stem']}.{field}"] = pair
    own = request_of(then).identity()
    if then["identity"] is not None and own != then["identity"]:
        found["identity"] = (then["identity"], own)
    return found


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """`input.channels` and so on, with its value."""
    for key, value in document.items():
        place = f"{prefix}{key}"
        if place in _NOT_COMPARED:
            continue
        if place == "request.separator.members":
            yield place, [_member(item) for item in value]
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{place}.")
        elif place == "warnings":  # how much memory was free is no matter of the stems
            yield place, [words for words in value if not words.startswith("out of memory")]
        else:
            yield place, value


def _member(document: Mapping[str, Any]) -> dict[str, Any]:
    """What is compared of a member, as of the whole: no place, card or revision."""
    left_out = ("model", "card_sha256", "revision", "files", "members")
    files = {file["option"]: file["sha256"] for file in document["files"]}
    return {
        **{key: value for key, value in document.items() if key not in left_out},
        "options": {**document["options"], **files},
        "members": [_member(item) for item in document["members"]],
    }


def _equal(field: str, then: object, now: object) -> bool:
    if field in _MEASURED and isinstance(then, (int, float)) and isinstance(now, (int, float)):
        return math.isclose(then, now, rel_tol=0.0, abs_tol=_ROUNDED_DB)
    return then == now


def _versions_differ(then: Report, now: Report) -> dict[str, tuple[str, str]]:
    """What may explain a difference: versions, device, batch and card of then and now."""
    old, new = (
        {
            "unweave": report["unweave"],
            "engine revision": report["request"]["engine_revision"],
            "separator revision": report["request"]["separator"]["revision"],
            "card": report["request"]["separator"]["card_sha256"],
            "device": report["execution"]["device"],
            "batch": report["execution"]["batch"],
            **report["execution"]["versions"],
        }
        for report in (then, now)
    )
    return {
        name: (str(old.get(name)), str(new.get(name)))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    }
