"""The report beside the stems: what was separated, with what, into what, and how well it sums.

Its fields are described in `docs/report.md` and checked by `core/report.schema.json`.
"""

from __future__ import annotations

import json
import math
import os
import platform
import time
from collections.abc import Mapping, Sequence
from importlib import import_module, metadata
from pathlib import Path

from unweave.audio.reader import SourceInfo
from unweave.audio.writer import Encoding, Writer
from unweave.core.atomic import Hidden
from unweave.engine.limits import peak_memory_mb
from unweave.engine.measure import Pass, decibels
from unweave.engine.source import Source
from unweave.engine.wrap import Work
from unweave.request import SeparationRequest
from unweave.types import Spec

SCHEMA_VERSION = 2
PACKAGES = ("torch", "numpy", "av", "soxr")  # whose version may change a bit of the output


def build(
    *,
    source: Source,
    info: SourceInfo,
    spec: Spec,
    partial: bool,
    request: SeparationRequest,
    target: Encoding,
    writers: Mapping[str, Writer],
    digests: Mapping[Hidden, str],
    report_path: Path,
    found: Pass,
    work: Work,
    gain: float,
    notes: Sequence[str],
    passes: int,
    in_turn: bool,
    load_s: float,
    started: float,
) -> dict[str, object]:
    """The report as plain data.

    writers: of the stems by name, closed, not yet committed; digests: SHA-256 of their files.
    found: of the pass that wrote them. in_turn: members ran one after another. partial: stems that
    were not asked for were not computed, so that nothing sums to the mix.
    """
    from unweave import __version__

    duration_s, meter = found.samples / info.sample_rate_hz, found.meter
    stems = []
    for stem, writer in writers.items():
        n = spec.outputs.index(stem)
        stems.append(
            {
                "stem": stem,
                "path": Path(os.path.relpath(writer.path, report_path.parent)).as_posix(),
                "sha256": digests[writer.hidden],
                "bytes": writer.hidden.size(),
                "samples": writer.samples,
                "peak_dbfs": rounded(meter.peak_dbfs(n, gain)),
                "loudness_lufs": rounded(meter.loudness_lufs(n, gain)),
            }
        )
    total_s = time.perf_counter() - started
    start = request.output.region.samples(info.sample_rate_hz)[0]
    return {
        "schema_version": SCHEMA_VERSION,
        "unweave": __version__,
        "identity": request.identity(),
        "request": request.as_json(),
        "input": {
            "path": os.path.abspath(source.path),
            "sha256": source.sha256,
            "bytes": source.bytes,
            **recording_facts(source.path, info, start, duration_s),
            "samples": found.samples,
        },
        "separator": {"paper": spec.paper, "licence": spec.licence},
        "output": {"sample_rate_hz": target.sample_rate_hz, "notes": list(target.notes)},
        "stems": stems,
        "gain_db": rounded(decibels(gain**2), 4),
        "null_test_db": None if partial else rounded(meter.null_test_db()),
        "channels": work.groups.text,
        "warnings": [*found.warnings, *notes],
        "execution": {
            "device": work.device,
            "batch": work.share.batch,
            "passes": passes,
            "members_in_turn": in_turn,
            "versions": versions(),
            "seconds": {
                "total": round(total_s, 3),
                "separate": round(found.seconds, 3),
                "load": round(load_s, 3),
            },
            "real_time_factor": rounded(found.seconds / duration_s, 4),
            "peak_memory_mb": rounded(peak_memory_mb(), 1),
        },
    }


def versions() -> dict[str, str]:
    """Python, the platform, and the packages that may change a bit of the output."""
    found = {name: _version(name) for name in PACKAGES}
    return {"python": platform.python_version(), "platform": platform.platform(), **found}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # a source tree on the path, never installed
        return str(getattr(import_module(package), "__version__", "unknown"))


def rounded(value: float | None, digits: int = 2) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, digits)


def as_bytes(document: Mapping[str, object]) -> bytes:
    """The report's file. A byte of a name that is no UTF-8 becomes the escape that JSON reads."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace")


def recording_facts(
    path: Path, info: SourceInfo, start: int, duration_s: float
) -> dict[str, object]:
    """What a report says of the recording. start: its first sample that is used."""
    return {
        "path": os.path.abspath(path),
        "container": info.container,
        "codec": info.codec,
        "sample_rate_hz": info.sample_rate_hz,
        "channels": info.channels,
        "layout": info.layout,
        "duration_s": round(duration_s, 6),
        "start": start,
        "tags": dict(info.tags),
    }
