"""Reading the reports that the engine wrote beside the stems, and finding the files they name.

A report is read when it is what this version writes, by `core/report.schema.json`, or of the first
version of reports (`core/report-1.schema.json`). Of any other report of unweave only the stems that
it names are known, so that they are neither taken for recordings nor written over unasked.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from unweave.core import schema
from unweave.core.atomic import sha256, straight
from unweave.core.files import readable, shown
from unweave.errors import InputError, UsageError
from unweave.request import Execution, OptionFile, Output, SeparationRequest, SeparatorRef

Report = Mapping[str, Any]

REPORT = "report"  # what a report is called where stems are called by their names

_LARGEST_BYTES = 4_000_000


def read_report(path: Path) -> dict[str, Any]:
    """The report at `path`. Raises InputError where there is none that this version reads."""
    document = _document(path)
    if document is None:
        why = "is not a report of unweave" if os.path.lexists(path) else "no such report"
        raise InputError(f"{shown(path)}: {why}; name the report.json beside the stems")
    if isinstance(use := document.get("use"), str):
        raise InputError(
            f"{shown(path)}: is the report of 'unweave {shown(use)}'; name one that "
            "'unweave separate' wrote"
        )
    if document.get("schema_version") == 1:
        fault = schema.fault(document, schema.load("unweave.core", "report-1.schema.json"))
        document = document if fault else _of_version_1(document)
    else:
        fault = _fault(document)
        if fault is None:  # an option that came later has the default that it had
            document = {**document, "request": request_of(document).as_json()}
    if fault is not None:
        raise InputError(
            f"{shown(path)}: is not a report that this version of unweave reads ({fault})"
        )
    names = [item["stem"] for item in document["stems"]]
    if len(set(names)) < len(names) or not set(names) <= set(document["request"]["stems"]):
        raise InputError(f"{shown(path)}: its stems are not those that it says were asked for")
    return document


def _of_version_1(document: Report) -> dict[str, Any]:
    """A report of the first version in the fields of this one.

    It has no identity, and only the options that were given.
    """
    separator, output = document["separator"], document["output"]
    stems = [{**item, "samples": document["input"]["samples"]} for item in document["stems"]]
    request = SeparationRequest(
        separator=SeparatorRef(
            name=separator["name"],
            model=separator["name"],
            weights_sha256=separator["weights_sha256"],
            options=separator["options"],
        ),
        stems=tuple(item["stem"] for item in stems),
        output=Output(format=output["format"], bit_depth=output["bit_depth"]),
        execution=Execution(device=document["device"]),
    )
    kept = ("unweave", "gain_db", "null_test_db", "channels", "warnings")
    done = ("device", "batch", "passes", "versions", "seconds", "real_time_factor",
            "peak_memory_mb")  # fmt: skip
    return {
        "schema_version": 1,
        "identity": None,
        "request": request.as_json(),
        **{field: document[field] for field in kept},
        "input": {**document["input"], "start": 0},
        "separator": {field: separator[field] for field in ("paper", "licence")},
        "output": {field: output[field] for field in ("sample_rate_hz", "notes")},
        "stems": stems,
        "execution": {field: document[field] for field in done},
    }


def is_readable(document: Report) -> bool:
    """Whether `document` is a report as this version writes it."""
    return _fault(document) is None


def request_of(report: Report) -> SeparationRequest:
    """What the report says was asked for."""
    return SeparationRequest.from_json(report["request"])


def _fault(document: Report) -> str | None:
    """The first thing that keeps `document` from being a report as this version writes it."""
    fault = schema.fault(document, schema.load("unweave.core", "report.schema.json"))
    if fault is None:
        try:
            request_of(document)
        except (ValueError, UsageError) as error:
            fault = f"request: {error}"
    return fault


def is_report(path: Path) -> bool:
    """Whether a report of some version of unweave is at `path`."""
    return _document(path) is not None


def reports_beside(path: Path) -> dict[Path, dict[str, Any]]:
    """The reports of unweave at `path` and its numbered names (see `free_name`).

    Those of other versions are among them.
    """
    before, after = map(re.escape, _numbered(path))
    numbered = re.compile(before + r"\d+" + after)
    try:
        names = [name for name in os.listdir(path.parent) if numbered.fullmatch(name)]
    except OSError:
        names = []
    names.sort(key=lambda name: (len(name), name))
    found = ((file, _document(file)) for file in (path, *map(path.with_name, names)))
    return {file: document for file, document in found if document is not None}


def free_name(path: Path) -> Path:
    """`path`, or the first of its numbered names, where nothing lies.

    They are `report-2.json` and so on, or `song (report 2).json` where the recording names the
    report: `song-2.json` is that of another recording.
    """
    before, after = _numbered(path)
    n, name = 1, path
    while os.path.lexists(name):
        n += 1
        name = path.with_name(f"{before}{n}{after}")
    return name


def _numbered(path: Path) -> tuple[str, str]:
    """What stands before and after the number in the names of further reports."""
    if path.stem == REPORT:
        return f"{path.stem}-", path.suffix
    return f"{path.stem} ({REPORT} ", f"){path.suffix}"


def output_files(report: Report, report_path: Path) -> dict[str, Path]:
    """Stem name -> file of a report of any version, found from where the report lies now."""
    return {
        item["stem"]: Path(os.path.normpath(straight(report_path.parent) / item["path"]))
        for item in report["stems"]
    }


def named_stems(path: Path) -> Iterator[Path]:
    """The files that `path` says unweave wrote; none where it is not a report of unweave."""
    document = _document(path)
    if document is not None:
        yield from output_files(document, path).values()
        folder = straight(path.parent)
        for item in document.get("exports", ()):  # of a use, beside its stems
            yield Path(os.path.normpath(folder / item["path"]))


def _document(path: Path) -> dict[str, Any] | None:
    """The JSON at `path` if it is a report of some version of unweave."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST_BYTES:
            return None  # a pipe would be waited for, a device may have no end
        document = json.loads(path.read_bytes(), parse_float=_finite, parse_constant=_finite)
    except (OSError, ValueError, RecursionError):
        return None
    if not (isinstance(document, dict) and "unweave" in document):
        return None
    stems = document.get("stems")
    exports = document.get("exports", [])
    if not (isinstance(stems, list) and isinstance(exports, list)):
        return None
    return document if all(map(_is_stem, stems)) and all(map(_is_file, exports)) else None


def _finite(text: str) -> float:
    """The number, unless JSON has none such, as NaN."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not finite")
    return number


def _is_stem(item: object) -> bool:
    return isinstance(item, dict) and all(isinstance(item.get(k), str) for k in ("stem", "path"))


def _is_file(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("path"), str)


def find_recording(report: Report, report_path: Path, given: Path | None = None) -> Path:
    """The recording a report was made from: `given`, or where the report says it lay.

    Raises InputError when nothing is there, or only another recording.
    """
    source = report["input"]
    written = Path(source["path"])
    places = [given] if given else _places(written, report_path)
    return _with_content(
        places,
        source["sha256"],
        f"{shown(given or written)}: the recording of {shown(report_path)} is not there; "
        "give its path with --input",
        f"is not the recording that {shown(report_path)} was made from (its SHA-256 differs); "
        "give the path of the original with --input",
    )


def find_named_file(file: OptionFile, report_path: Path) -> Path:
    """A file that an option named, with the content that it had. Raises InputError."""
    written = Path(file.path)
    return _with_content(
        _places(written, report_path),
        file.sha256,
        f"{shown(written)}: the option {file.option} of {shown(report_path)} names it, and it is "
        "not there; put it back",
        f"its content differs from what the option {file.option} of {shown(report_path)} named "
        f"(SHA-256 {file.sha256[:12]}...); put that file back",
    )


def _places(written: Path, report_path: Path) -> Iterator[Path]:
    """Where a file may lie now: where it was written down, or, when its folder and the report's
    were moved together, at the end of that path below a folder above the report."""
    yield written
    parts = written.parts[1:] if written.is_absolute() else written.parts
    for folder in report_path.absolute().parents:
        for n in range(len(parts)):
            yield folder.joinpath(*parts[n:])


def _with_content(places: Iterable[Path], wanted: str, missing: str, differs: str) -> Path:
    """The first file with that SHA-256.

    Raises InputError: `differs`, of the first file with another, or that one cannot be read, or
    `missing`.
    """
    other = unreadable = None
    for path in places:
        try:
            with readable(path):
                if not path.is_file():
                    continue
                if sha256(path) == wanted:
                    return path
                other = other or path
        except InputError as error:
            unreadable = unreadable or error
    if other is not None:
        raise InputError(f"{shown(other)}: {differs}")
    raise unreadable or InputError(missing)
