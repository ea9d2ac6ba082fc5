"""Separate again what a report says was separated, and see whether the stems come out the same.

The recording must be the one the report was made from (SHA-256). Each stem is compared twice: the
file on disk with the report, and a fresh separation, made in a temporary folder, with both.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.apps.batch.reports import find_recording, output_files, read_report, sha256
from unweave.core.errors import UsageError
from unweave.io.files import shown

if TYPE_CHECKING:
    from unweave.core.types import OnProgress, ShouldStop, Wave

_BLOCK_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One stem: whether the bytes agree, and if not, by how much the sound differs."""

    stem: str
    path: str
    agrees: bool  # the fresh file has the bytes that the report recorded
    on_disk: str  # 'as reported', 'changed since the report' or 'missing'
    difference_db: float | None  # signal over difference; None: equal, or not comparable


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What `verify` found. `agrees`: every stem is what the report says, on disk and made again."""

    report: str
    input: str
    agrees: bool
    stems: tuple[Compared, ...]
    versions_differ: dict[str, tuple[str, str]]  # name -> (then, now)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def verify(
    report_path: Path,
    *,
    recording: Path | None = None,
    device: str | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Verdict:
    """Separate again and compare. `report_path` may be the folder that holds a `report.json`.

    recording: where the recording lies now, if it was moved. device: instead of the report's.
    Raises UsageError when there is no report, InputError when the recording is missing or another.
    """
    if report_path.is_dir():
        report_path = report_path / "report.json"
    report = read_report(report_path)
    if report is None:
        why = "is not a report of unweave" if report_path.exists() else "no such report"
        raise UsageError(f"{shown(report_path)}: {why}; name the report.json beside the stems")
    source = find_recording(report, report_path, recording)
    files = output_files(report, report_path)
    with tempfile.TemporaryDirectory(prefix="unweave-verify-") as folder:
        fresh = {
            stem: Path(folder, f"{n}{path.suffix}") for n, (stem, path) in enumerate(files.items())
        }
        again = _separate_again(
            report, source, fresh, Path(folder, "report.json"), device, on_progress, should_stop
        )
        stems = tuple(
            _compare(item, files[item["stem"]], fresh[item["stem"]]) for item in report["stems"]
        )
    return Verdict(
        report=str(report_path),
        input=str(source),
        agrees=all(stem.agrees and stem.on_disk == "as reported" for stem in stems),
        stems=stems,
        versions_differ=_versions_differ(report, again),
    )


def difference_db(reference: Path, estimate: Path) -> float | None:
    """10 log10 of the energy of `reference` over that of its difference to `estimate`.

    None when either cannot be read, or they differ in rate, channels or length.
    """
    from itertools import zip_longest

    import numpy as np

    from unweave.core.errors import UnweaveError
    from unweave.io.reader import Reader

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
    report: dict[str, Any],
    source: Path,
    outputs: dict[str, Path],
    report_path: Path,
    device: str | None,
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
) -> dict[str, Any]:
    from unweave.apps import options
    from unweave.engine.run import separate_file

    facts = report["separator"]
    return separate_file(
        source,
        outputs,
        report_path,
        lambda: options.load(facts["name"], facts["options"]),
        format=report["output"]["format"],
        bit_depth=report["output"]["bit_depth"],
        device=device or report["device"],
        seed=report["seed"],
        on_progress=on_progress,
        should_stop=should_stop,
    )


def _compare(item: dict[str, Any], file: Path, fresh: Path) -> Compared:
    agrees = sha256(fresh) == item["sha256"]
    if not file.is_file():
        on_disk = "missing"
    else:
        on_disk = "as reported" if sha256(file) == item["sha256"] else "changed since the report"
    differs = file.is_file() and not (agrees and on_disk == "as reported")
    return Compared(
        stem=item["stem"],
        path=os.fspath(file),
        agrees=agrees,
        on_disk=on_disk,
        difference_db=_finite(difference_db(file, fresh)) if differs else None,
    )


def _finite(value: float | None) -> float | None:
    """Infinity is not JSON: equal sound in other bytes is a difference of 999 dB."""
    return None if value is None else max(-999.0, min(999.0, round(value, 2)))


def _versions_differ(then: dict[str, Any], now: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """What may explain a difference: versions, device and weights of then and now."""
    old = {"unweave": then.get("unweave"), "device": then.get("device"), **then.get("versions", {})}
    new = {"unweave": now.get("unweave"), "device": now.get("device"), **now.get("versions", {})}
    return {
        name: (str(old.get(name)), str(new.get(name)))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    }
