"""Reading the reports that the engine wrote beside the stems."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from unweave.core.errors import InputError
from unweave.io.files import advice, shown


def read_report(path: Path) -> dict[str, Any] | None:
    """The report at `path`, or None where there is none, or not one of ours, or only a part."""
    try:
        document = json.loads(path.read_bytes())
        return document if is_report(document) else None
    except (OSError, ValueError, RecursionError):
        return None


def is_report(document: object) -> bool:
    """Whether parsed JSON is a report of unweave, as far as this package reads it."""
    return (
        isinstance(document, dict)
        and "unweave" in document
        and all(isinstance(document.get(key), dict) for key in ("input", "separator", "output"))
        and isinstance(document.get("stems"), list)
        and all(_is_stem(item) for item in document["stems"])
    )


def _is_stem(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("path"), str) and "stem" in item


def output_files(report: dict[str, Any], report_path: Path) -> dict[str, Path]:
    """Stem name -> file of a report, found from where the report lies now."""
    return {
        str(item.get("stem")): Path(os.path.normpath(report_path.parent / item["path"]))
        for item in report["stems"]
    }


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_recording(report: dict[str, Any], report_path: Path, given: Path | None = None) -> Path:
    """The recording a report was made from: `given`, or where the report says it lay.

    A relative path is tried from the current folder and from every folder above the report. Raises
    InputError when nothing is there, or only another recording.
    """
    written = Path(str(report["input"].get("path")))
    above = (folder / written for folder in report_path.absolute().parents)
    candidates = [given] if given else [written, *above]
    there = [path for path in candidates if path.is_file()]
    if not there:
        raise InputError(
            f"{shown(candidates[0])}: the recording of {shown(report_path)} is not there; "
            "say where it is now with --input"
        )
    for path in there:
        try:
            if sha256(path) == report["input"].get("sha256"):
                return path
        except OSError as error:
            raise InputError(f"{shown(path)}: cannot be read: {advice(error)}") from error
    raise InputError(
        f"{shown(there[0])}: is not the recording that {shown(report_path)} was made from (its "
        "SHA-256 differs); say where that one is with --input"
    )
