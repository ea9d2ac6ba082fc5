"""The scores of one separator on one track: museval's JSON, with what museval leaves out beside it.

`targets` is exactly what museval writes (one entry per stem, one frame per second, NaN where a
frame has no score, infinite scores written as NaN, five decimals), so that its tools read our files
and we read its. Everything else is under `unweave`: what was separated with what, global scores,
how many frames were silent, and warnings. `docs/benchmark.md` describes each field, and
`scores.schema.json` holds every file that is written or read. What differs from run to run is
under `unweave.timing` alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from unweave.core import schema
from unweave.core.files import atomic_write, shortened
from unweave.errors import InputError

VERSION = 4  # of what is under `unweave`; files of another version are scored again
METRICS = ("SDR", "SIR", "ISR", "SAR")
DECIMALS = 5  # museval's
BSS_EVAL_V4, MIR_1K = "bss-eval-v4", "mir-1k"
V3_IMAGES, V3_SOURCES = "bss-eval-v3-images", "bss-eval-v3-sources"
GLOBAL = "global"  # no BSS Eval at all

Values = npt.NDArray[np.float64]
Targets = Mapping[str, Mapping[str, Values]]
Named = Mapping[str, Mapping[str, float]]


class Identity(TypedDict):
    """All that is meant to change a score: files with the same values here hold the same scores."""

    software: str
    dataset: str
    split: str
    track: str
    checksum: str
    protocol: str
    rounded_to_bits: int | None
    separator: str
    kind: str
    identity: str | None
    mapping: Mapping[str, str]
    estimates: Mapping[str, str]


class Timing(TypedDict, total=False):
    """What separating cost; not there for oracles."""

    device: str
    jobs: int
    threads: int
    seconds_separate: float
    real_time_factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackScores:
    """What one separator scored on one track. NaN where there is no score.

    `targets[stem][metric]` is `(frame,)`. Where vocals were scored once among all stems and once
    beside the accompaniment, `targets` holds the latter, as museval does, and `among_stems` the
    former. `scored_with[stem]` names the stems whose references counted as interference.
    A file of museval's own holds `targets` only; the path has the other facts.
    """

    dataset: str
    split: str
    track: str
    separator: str  # its label: the name with its options
    kind: str = "separator"  # separator, oracle or published
    protocol: str = BSS_EVAL_V4
    rounded_to_bits: int | None = None  # references and estimates; None: not rounded, or not known
    lossy_references: tuple[str, ...] = ()  # the lossy codecs among the references
    samples: int = 0  # 0: not known
    sample_rate_hz: int = 0
    targets: Targets = field(default_factory=dict)
    window_s: float = 1.0
    hop_s: float = 1.0
    among_stems: Targets = field(default_factory=dict)
    scored_with: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    global_: Named = field(default_factory=dict)  # the names of `whole_track`
    mir1k: Named = field(default_factory=dict)  # SDR, SIR, SAR, NSDR
    silent_frames: Mapping[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()  # stems of the dataset that no estimate covers
    unscored: tuple[str, ...] = ()  # stems of the separator that no reference fits
    warnings: tuple[str, ...] = ()
    identity: str | None = None  # of the separator with its options (`unweave.request`)
    name: str = ""  # the separator's, without options
    options: Mapping[str, object] = field(default_factory=dict)  # all that are in force
    files: Mapping[str, str] = field(default_factory=dict)  # SHA-256 of those that options name
    mapping: Mapping[str, str] = field(default_factory=dict)
    estimates: Mapping[str, str] = field(default_factory=dict)  # SHA-256 of files made elsewhere
    source: str = ""  # the import path of a separator, or the name of a folder of estimates
    environment: Mapping[str, str] = field(default_factory=dict)  # versions, and the machine
    card_sha256: str | None = None  # of what the card says of the network
    weights_sha256: str | None = None
    seen_in_training: bool = False  # whether its card says that it was trained on these songs
    checksum: str = ""
    software: str = ""  # the version of unweave that scored it; empty: museval did
    device: str | None = None
    jobs: int | None = None  # tracks that were worked on at a time; None: not known
    threads: int | None = None  # of each of them
    seconds_separate: float | None = None
    real_time_factor: float | None = None

    @property
    def is_foreign(self) -> bool:
        """Whether somebody else scored it, who does not say how samples were rounded."""
        return not self.samples


def path_of(root: Path, dataset: str, separator: str, split: str, track: str) -> Path:
    """Where the scores of a track lie: `root/dataset/separator/split/track.json`."""
    return root / safe(dataset) / safe(separator) / safe(split) / f"{safe(track)}.json"


def safe(name: str) -> str:
    """`name` as the name of a file on any system: `repet:seed=8` becomes `repet,seed=8`."""
    allowed = "".join("_" if c in '<>"/\\|?*' or ord(c) < 32 else c for c in name)
    allowed = allowed.replace(":", ",").rstrip(". ")
    named = f"_{allowed}" if allowed.startswith((".", "-")) or not allowed else allowed
    return shortened(named, 200)


def document(scores: TrackScores) -> dict[str, Any]:
    """The JSON document, plain data."""
    from unweave import __version__

    return {
        "targets": _museval(scores.targets, scores),
        "unweave": {
            "version": VERSION,
            "software": scores.software or __version__,
            "dataset": scores.dataset,
            "split": scores.split,
            "track": scores.track,
            "checksum": scores.checksum,
            "samples": scores.samples,
            "sample_rate_hz": scores.sample_rate_hz,
            "protocol": scores.protocol,
            "rounded_to_bits": scores.rounded_to_bits,
            "lossy_references": list(scores.lossy_references),
            "separator": scores.separator,
            "kind": scores.kind,
            "identity": scores.identity,
            "name": scores.name,
            "options": dict(scores.options),
            "files": dict(scores.files),
            "mapping": dict(scores.mapping),
            "estimates": dict(scores.estimates),
            "source": scores.source,
            "environment": dict(scores.environment),
            "card_sha256": scores.card_sha256,
            "weights_sha256": scores.weights_sha256,
            "seen_in_training": scores.seen_in_training,
            "scored_with": {stem: list(names) for stem, names in scores.scored_with.items()},
            "among_stems": _museval(scores.among_stems, scores),
            "global": _rounded(scores.global_),
            "mir1k": _rounded(scores.mir1k),
            "silent_frames": dict(scores.silent_frames),
            "missing": list(scores.missing),
            "unscored": list(scores.unscored),
            "warnings": list(scores.warnings),
            "timing": {
                "device": scores.device,
                "jobs": scores.jobs,
                "threads": scores.threads,
                "seconds_separate": scores.seconds_separate,
                "real_time_factor": scores.real_time_factor,
            },
        },
    }


def write(scores: TrackScores, path: Path) -> None:
    """Write the file so that it is there whole or not at all. Raises OutputError."""
    data = document(scores)
    _check(data, path)
    text = json.dumps(data, indent=2, allow_nan=True) + "\n"
    atomic_write(path, text.encode())


def read(path: Path, root: Path | None = None) -> TrackScores:
    """The scores in a file of ours or of museval's.

    root: the folder below which museval's file lies at SYSTEM/SPLIT/TRACK.json, or at
    DATASET/SYSTEM/SPLIT/TRACK.json: the path has the facts that the file lacks. Raises InputError,
    one line with the path.
    """
    data = load_json(path)
    try:
        return _parse(data, path, root)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: is not a file of scores ({error})") from error


def load_json(path: Path) -> dict[str, Any]:
    """The document in a file, checked against the schema. Raises InputError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or "no JSON"
        raise InputError(f"{path}: cannot be read as scores ({why})") from error
    _check(data, path)
    found: dict[str, Any] = data
    return found


def _check(data: object, path: Path) -> None:
    """Raises InputError where `data` is not as in the schema."""
    fault = schema.fault(data, schema.load("unweave.evaluation", "scores.schema.json"))
    if fault is not None:
        raise InputError(f"{path}: is not a file of scores ({fault})")


def _museval(targets: Targets, scores: TrackScores) -> list[dict[str, Any]]:
    """museval's list of targets, each with its frames."""
    return [
        {
            "name": stem,
            "frames": [
                {
                    "time": n * scores.hop_s,
                    "duration": scores.window_s,
                    "metrics": {metric: _quantised(values[metric][n]) for metric in METRICS},
                }
                for n in range(len(values["SDR"]))
            ],
        }
        for stem, values in targets.items()
    ]


def _quantised(value: float) -> float:
    """As museval writes it: five decimals, and NaN for what is infinite."""
    return round(float(value), DECIMALS) if math.isfinite(value) else math.nan


def _rounded(table: Named) -> dict[str, dict[str, float]]:
    return {
        stem: {name: round(float(value), DECIMALS) for name, value in values.items()}
        for stem, values in table.items()
    }


def _targets(items: list[dict[str, Any]]) -> dict[str, dict[str, Values]]:
    return {
        item["name"]: {
            metric: np.array(
                [frame["metrics"].get(metric, math.nan) for frame in item["frames"]], np.float64
            )
            for metric in METRICS
        }
        for item in items
    }


def _parse(data: Mapping[str, Any], path: Path, root: Path | None) -> TrackScores:
    targets = _targets(data["targets"])
    frames = data["targets"][0]["frames"] if data["targets"] else []
    window_s = float(frames[0]["duration"]) if frames else 1.0
    hop_s = float(frames[1]["time"] - frames[0]["time"]) if len(frames) > 1 else window_s
    facts = data.get("unweave")
    if facts is None:
        folders = path.resolve().parent
        below = path.relative_to(root).parts if root is not None else ()
        return TrackScores(
            dataset=below[0] if len(below) == 4 else "",
            split=folders.name,
            track=path.stem,
            separator=folders.parent.name,
            name=folders.parent.name,
            targets=targets,
            window_s=window_s,
            hop_s=hop_s,
        )
    if facts["version"] != VERSION:
        raise InputError(
            f"{path}: has scores of version {facts['version']}, this unweave reads {VERSION}; "
            "run the benchmark again"
        )
    same = ("dataset", "split", "track", "separator", "kind", "protocol", "rounded_to_bits",
            "samples", "sample_rate_hz", "mir1k", "silent_frames", "identity", "name", "options",
            "files", "mapping", "card_sha256", "weights_sha256", "checksum",
            "software")  # fmt: skip
    return TrackScores(
        **{name: facts[name] for name in same},
        **facts["timing"],
        estimates=facts.get("estimates", {}),
        source=facts.get("source", ""),
        environment=facts.get("environment", {}),
        seen_in_training=facts.get("seen_in_training", False),
        targets=targets,
        window_s=window_s,
        hop_s=hop_s,
        among_stems=_targets(facts["among_stems"]),
        scored_with={stem: tuple(names) for stem, names in facts["scored_with"].items()},
        global_=facts["global"],
        lossy_references=tuple(facts["lossy_references"]),
        missing=tuple(facts["missing"]),
        unscored=tuple(facts["unscored"]),
        warnings=tuple(facts["warnings"]),
    )
