"""The report beside the stems: what was separated, with what, into what, and how well it sums.

Its fields are described in `docs/report.md` and checked by `core/report.schema.json`.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

from unweave.core.errors import OutputError
from unweave.core.types import Spec
from unweave.core.whole import appearing
from unweave.engine.measure import StemMeter, decibels
from unweave.engine.resources import peak_memory_mb
from unweave.io.reader import SourceInfo
from unweave.io.writer import Encoding, Writer

SCHEMA_VERSION = 1
PACKAGES = ("torch", "numpy", "av", "soxr")  # whose version may change a bit of the output


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def build(
    *,
    source: Path,
    info: SourceInfo,
    samples: int,
    spec: Spec,
    target: Encoding,
    writers: Mapping[str, Writer],
    report_path: Path,
    names: Sequence[str],
    meter: StemMeter,
    gain: float,
    channels: str,
    warnings: Sequence[str],
    device: str,
    batch: int,
    seed: int,
    passes: int,
    load_s: float,
    separate_s: float,
    started: float,
) -> dict[str, object]:
    """The report as plain data. writers: of the stems by name, closed, not yet committed."""
    duration_s = samples / info.sample_rate_hz
    with ThreadPoolExecutor() as pool:  # hashing leaves Python's lock alone
        files = [source, *(writer.hidden.path for writer in writers.values())]
        digests = dict(zip(files, pool.map(sha256, files), strict=True))
    stems = []
    for stem, writer in writers.items():
        n = names.index(stem)
        stems.append(
            {
                "stem": stem,
                "path": Path(os.path.relpath(writer.path, report_path.parent)).as_posix(),
                "sha256": digests[writer.hidden.path],
                "bytes": writer.hidden.path.stat().st_size,
                "samples": writer.samples,
                "peak_dbfs": rounded(meter.peak_dbfs(n, gain)),
                "loudness_lufs": rounded(meter.loudness_lufs(n, gain)),
            }
        )
    total_s = time.perf_counter() - started + load_s
    return {
        "schema_version": SCHEMA_VERSION,
        "unweave": metadata.version("unweave"),
        "input": {
            "path": str(source),
            "sha256": digests[source],
            "bytes": source.stat().st_size,
            "container": info.container,
            "codec": info.codec,
            "sample_rate_hz": info.sample_rate_hz,
            "channels": info.channels,
            "layout": info.layout,
            "duration_s": round(duration_s, 6),
            "samples": samples,
            "tags": dict(info.tags),
        },
        "separator": {
            "name": spec.name,
            "card": spec.name if spec.trained else None,
            "weights_sha256": spec.weights_sha256,
            "options": dict(spec.options),
            "paper": spec.paper,
            "licence": spec.licence,
        },
        "output": {
            "format": target.format,
            "bit_depth": target.bit_depth,
            "sample_rate_hz": target.sample_rate_hz,
            "notes": list(target.notes),
        },
        "stems": stems,
        "gain_db": rounded(decibels(gain**2), 4),
        "null_test_db": rounded(meter.null_test_db()),
        "channels": channels,
        "warnings": list(warnings),
        "device": device,
        "batch": batch,
        "seed": seed,
        "passes": passes,
        "versions": versions(),
        "seconds": {
            "total": round(total_s, 3),
            "separate": round(separate_s, 3),
            "load": round(load_s, 3),
        },
        "real_time_factor": rounded(separate_s / duration_s, 4),
        "peak_memory_mb": rounded(peak_memory_mb(), 1),
    }


def versions() -> dict[str, str]:
    """Python, the platform, and the packages that may change a bit of the output."""
    found = {name: metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), "platform": platform.platform(), **found}


def rounded(value: float | None, digits: int = 2) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, digits)


def write(document: Mapping[str, object], path: Path) -> None:
    """Write the report so that it is there whole or not at all. Raises OutputError."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    try:
        with appearing(path) as hidden:
            # A byte of a name that is no UTF-8 becomes the escape that JSON reads back as it was.
            hidden.write_bytes(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise OutputError(f"{path}: cannot write the report ({error.strerror})") from error
