"""One row against its references: the scores that `unweave evaluate` has for the same files.

The estimates are there already, or the recording is separated first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from unweave.apps._shared.batch import Made, Ready, Use, Watch
from unweave.apps._shared.separation import Separation, separation
from unweave.audio.reader import probe
from unweave.core.files import hashed
from unweave.engine.report import recording_facts
from unweave.engine.source import Watched
from unweave.evaluation import stem_files, whole_track
from unweave.evaluation.evaluate import evaluate_files
from unweave.evaluation.scores import METRICS
from unweave.jobs import Job

SCHEMA_VERSION = 1
REVISION = 1  # goes up when an evaluation writes other scores than before
REFERENCES, ESTIMATES = "references", "estimates"  # what lies beside a recording
STEM = "stem"  # a column
SCORES, FILES = "scores", {"scores": "scores.json"}


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is asked for of every row; see `evaluate_files`. separation: makes the estimates; None
    where they are there."""

    separation: Separation | None
    metric: str
    mapping: Mapping[str, str]
    rounding: str

    def decisive(self) -> dict[str, Any]:
        """What decides the scores besides the files."""
        return {
            "separation": self.separation and self.separation.identity,
            "metric": self.metric,
            "mapping": dict(self.mapping),
            "rounding": self.rounding,
        }


def ordered(
    model: str | None,
    options: Mapping[str, Any],
    metric: str,
    mapping: Mapping[str, str],
    rounding: str,
) -> Order:
    """What is asked for, checked as far as it can be without a row. Raises UsageError."""
    return Order(
        separation=None if model is None else separation(model, options),
        metric=metric,
        mapping=mapping,
        rounding=rounding,
    )


def columns() -> tuple[str, ...]:
    """What a table of the rows has of an evaluation."""
    return (STEM, *METRICS, *(metric.title for metric in whole_track.metrics().values()))


def lines(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A line of that table for each stem of a row's report. Raises KeyError, TypeError."""
    stems = report["scores"]["stems"]
    return [{STEM: stem, **scores} for stem, scores in stems.items()]


def _looked_at(job: Job, order: Order, watch: Watch) -> Ready:
    stems = {what: stem_files.find(place) for what, place in job.beside.items()}
    if order.separation is not None:  # whose stems are as the recording is
        stem_files.check_alike([*stems[REFERENCES].values()], [job.source])
    read = {what: {stem: hashed(path) for stem, path in of.items()} for what, of in stems.items()}
    return Ready(
        job=job,
        watched=Watched(job.source),
        facts={**order.decisive(), "recording": hashed(job.source), "read": read},
        reads=[job.source, *(path for of in stems.values() for path in of.values())],
        make=partial(_made, job, order, watch, read),
    )


USE = Use("evaluate", SCHEMA_VERSION, REVISION, look=_looked_at)


def _made(job: Job, order: Order, watch: Watch, read: Mapping[str, Any], scratch: Path) -> Made:
    separated, warnings = None, []
    if order.separation is None:
        estimates, info = job.beside[ESTIMATES], probe(job.source)
        heard = recording_facts(job.source, info, 0, info.duration_s or 0.0)
    else:
        how, stems = order.separation, scratch / "stems"
        said = watch.separate(job.source, stems, how.model, **how.options)
        [estimates] = stems.iterdir()  # named as a separation into any folder names it
        heard, warnings = said["input"], said["warnings"]
        separated = {name: said[name] for name in ("request", "null_test_db", "execution")}
    watch.check()
    found = evaluate_files(
        job.beside[REFERENCES], estimates, order.metric, order.mapping, order.rounding
    )
    file = scratch / FILES[SCORES]
    found.save(file)
    report = {
        **order.decisive(),
        "input": heard,
        "separation": separated,
        "stems_sha256": read,
        "scores": found.document(),
        "warnings": [*warnings, *found.warnings],
    }
    return Made(report=report, files={SCORES: file}, sounds={})
