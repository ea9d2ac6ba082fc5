"""Is this file done already? The report beside the stems says, and only a matching one counts.

Finished means: the same recording (SHA-256), separated by the same model with the same options into
the same files, all there with their recorded sizes. Anything else under those names is in the way.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

from unweave.apps.batch.plan import Job, Settings
from unweave.apps.batch.reports import output_files, read_report, sha256
from unweave.core.errors import InputError
from unweave.io.files import advice, shown


class State(StrEnum):
    NEW = "new"
    FINISHED = "finished"
    IN_THE_WAY = "in the way"


def state(job: Job, settings: Settings) -> tuple[State, dict[str, Any] | None, str]:
    """What lies where `job` wants to write: the state, the report if finished, else why not.

    Raises OSError when a file cannot be read.
    """
    there = [file for file in job.files if os.path.lexists(file)]
    if not there:
        return State.NEW, None, ""
    report = read_report(job.report)
    if report is None:
        return State.IN_THE_WAY, None, "holds stems without a complete report"
    why = next(_differences(job, settings, report), "")
    return (State.IN_THE_WAY, None, why) if why else (State.FINISHED, report, "")


def _differences(job: Job, settings: Settings, report: dict[str, Any]) -> Iterator[str]:
    """What keeps `report` from being that of `job`, cheapest first."""
    separator, output = report["separator"], report["output"]
    if separator.get("name") != settings.model:
        yield f"holds stems made with {separator.get('name')}"
    if separator.get("options") != json.loads(json.dumps(dict(settings.options))):
        yield "holds stems made with other options"
    if report.get("seed") != settings.seed:
        yield f"holds stems made with the seed {report.get('seed')}"
    if output.get("format") != settings.format or output.get("bit_depth") != _depth(
        settings, report
    ):
        yield "holds stems in another format"
    files = output_files(report, job.report)
    if files != {stem: Path(os.path.normpath(path)) for stem, path in job.outputs.items()}:
        yield "holds other stems"
    for item in report["stems"]:
        file = files[str(item.get("stem"))]
        if not file.is_file() or file.stat().st_size != item.get("bytes"):
            yield "holds stems that are incomplete or changed"
    try:
        if report["input"].get("bytes") != job.source.stat().st_size or report["input"].get(
            "sha256"
        ) != sha256(job.source):
            yield "holds stems of another recording"
    except OSError as error:
        raise InputError(f"{shown(job.source)}: cannot be read: {advice(error)}") from error
    # The report is written last. Stems newer than it are from a run that was killed in between.
    written_ns = job.report.stat().st_mtime_ns
    for item in report["stems"]:
        file = files[str(item.get("stem"))]
        if file.stat().st_mtime_ns > written_ns and sha256(file) != item.get("sha256"):
            yield "holds stems that were changed after their report"


def _depth(settings: Settings, report: dict[str, Any]) -> int | None:
    """The bit depth that `settings` would give this recording."""
    from unweave.io.formats import encoding

    rate_hz, channels = report["input"].get("sample_rate_hz"), report["input"].get("channels")
    return encoding(settings.format, settings.bit_depth, int(rate_hz), int(channels)).bit_depth
