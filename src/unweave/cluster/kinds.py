"""What can be done with every row: a kind of request for each, in the table `KINDS`.

A request is plain data that goes to workers and into the catalogue. It says by itself which files a
row becomes, where else a row's files lie (`beside`, patterns as of `layout.pattern`), who does the
work, and whether a report is of an equal request.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from unweave.core.file_names import safe
from unweave.errors import InputError, UsageError, WeightsError
from unweave.jobs import CannotLoadError, Job, Outcome, attempt
from unweave.request import Execution, SeparationRequest, differences, run_options

if TYPE_CHECKING:
    from unweave.apps import analyze
    from unweave.apps._shared.separation import Separation
    from unweave.cluster import evaluate
    from unweave.engine.executor import Executor
    from unweave.types import OnProgress, ShouldStop


@dataclass(frozen=True, slots=True)
class Separate:
    """Stems of every row. separation: the same."""

    separation: SeparationRequest
    kind: ClassVar[str] = "separate"
    report: ClassVar[str] = "report.json"
    beside: ClassVar[Mapping[str, str]] = {}

    @property
    def model(self) -> str | None:
        return self.separation.separator.name

    @property
    def stems(self) -> tuple[str, ...]:
        return self.separation.stems

    @property
    def needed(self) -> tuple[str, ...]:
        """The stems whose weights are needed."""
        return self.separation.needed

    @property
    def execution(self) -> Execution:
        return self.separation.execution

    def identity(self) -> str:
        """One hash of all that is meant to change what a row becomes. Raises UsageError."""
        own = self.separation.identity()
        if own is None:
            raise UsageError(
                f"{self.model} exists only in memory; a catalogue takes models by name"
            )
        return hashlib.sha256(f"{own} {','.join(self.stems)}".encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        return self.separation.as_json()

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Separate:
        """Raises UsageError, KeyError, TypeError, ValueError."""
        return cls(SeparationRequest.from_json(document))

    def differs(self, new: Request) -> list[str]:
        """What keeps it from being `new`, in words that follow "begun with"."""
        if not isinstance(new, Separate):
            return [f"the kind {self.kind}, now {new.kind}"]
        words = list(differences(self.separation, new.separation))
        return words or [f"the stems {', '.join(self.stems)}"]

    def files(self) -> dict[str, str]:
        """The files that a row may become, by what they are."""
        return {stem: f"{safe(stem)}.{self.separation.output.format}" for stem in self.stems}

    def work(self, executor: Executor) -> attempt.Work:
        return attempt.worker(self.separation, executor)

    def is_of(self, report: Mapping[str, Any]) -> bool:
        """Whether a report is of an equal request. Raises KeyError, TypeError."""
        named = {item["stem"]: item["path"] for item in report["stems"]}
        return report["identity"] == self.separation.identity() and all(
            named[stem] == name for stem, name in self.files().items()
        )

    def marks(self) -> dict[str, Any]:
        """What a row's report says of the run besides."""
        return {}


@dataclass(frozen=True, slots=True)
class Analyze:
    """What is in every row, as `unweave.analyze` finds it, with the same parameters."""

    model: str | None
    options: Mapping[str, Any]
    least: float | None
    export: tuple[str, ...]
    kind: ClassVar[str] = "analyze"
    report: ClassVar[str] = "analysis.json"
    beside: ClassVar[Mapping[str, str]] = {}
    separation: ClassVar[None] = None  # what is measured of one says little of an analysis
    stems: ClassVar[tuple[str, ...]] = ()

    @property
    def needed(self) -> tuple[str, ...]:
        """The stems whose weights are needed."""
        return _needed(self.order().separation)

    @property
    def execution(self) -> Execution:
        return run_options(self.options)[2]

    def order(self) -> analyze.Order:
        """What is asked of every song. Raises UsageError."""
        from unweave.apps.analyze import ordered

        return ordered(self.model, self.options, least=self.least, exports=self.export)

    def identity(self) -> str:
        """One hash of all that is meant to change what a row becomes. Raises UsageError."""
        from unweave.apps.analyze import USE

        order = self.order()
        return _hash(
            {
                "use": USE.name,
                "revision": USE.revision,
                "separation": order.separation and order.separation.identity,
                "region": [order.output.start, order.output.end],
                "least": order.least,
                "write": list(order.exports),
            }
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "options": dict(self.options),
            "least": self.least,
            "export": list(self.export),
            "identity": self.identity(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Analyze:
        """Raises UsageError, KeyError, TypeError; InputError where it now stands for something
        else."""
        found = cls(
            document["model"],
            dict(document["options"]),
            document["least"],
            tuple(document["export"]),
        )
        _check_same(found, document)
        return found

    def differs(self, new: Request) -> list[str]:
        """What keeps it from being `new`, in words that follow "begun with"."""
        return _differences(self, new)

    def files(self) -> dict[str, str]:
        """The files that a row may become, by what they are."""
        from unweave.apps.analyze import files

        return files.names(self.order().exports)

    def work(self, executor: Executor) -> attempt.Work:
        from unweave.apps.analyze import USE

        return _guarded(USE.work(self.order(), executor))

    def is_of(self, report: Mapping[str, Any]) -> bool:
        """Whether a report is of an equal request. Raises KeyError, TypeError."""
        return bool(report["run"] == self.identity())

    def marks(self) -> dict[str, Any]:
        """What a row's report says of the run besides: its own identity is of the recording too."""
        return {"run": self.identity()}


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Scores of every row, as `unweave evaluate` has them, with the same parameters.

    references, estimates: patterns of where they lie (`layout.pattern`). model: makes the estimates
    of rows, with `options`, where there is no pattern of them.
    """

    references: str
    estimates: str | None
    model: str | None
    options: Mapping[str, Any]
    metric: str
    mapping: Mapping[str, str]
    rounding: str
    kind: ClassVar[str] = "evaluate"
    report: ClassVar[str] = "evaluation.json"
    separation: ClassVar[None] = None  # what is measured of one says little of an evaluation
    stems: ClassVar[tuple[str, ...]] = ()

    @property
    def beside(self) -> dict[str, str]:
        both = {"references": self.references, "estimates": self.estimates}
        return {what: pattern for what, pattern in both.items() if pattern is not None}

    @property
    def needed(self) -> tuple[str, ...]:
        """The stems whose weights are needed."""
        return _needed(self.order().separation)

    @property
    def execution(self) -> Execution:
        return run_options(self.options)[2]

    def order(self) -> evaluate.Order:
        """What is asked of every row. Raises UsageError."""
        from unweave.cluster.evaluate import ordered

        return ordered(self.model, self.options, self.metric, self.mapping, self.rounding)

    def identity(self) -> str:
        """One hash of all that is meant to change what a row becomes. Raises UsageError."""
        from unweave.cluster.evaluate import USE

        facts = {"use": USE.name, "revision": USE.revision, **self.beside}
        return _hash({**facts, **self.order().decisive()})

    def as_json(self) -> dict[str, Any]:
        return {
            "references": self.references,
            "estimates": self.estimates,
            "model": self.model,
            "options": dict(self.options),
            "metric": self.metric,
            "mapping": dict(self.mapping),
            "rounding": self.rounding,
            "identity": self.identity(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Evaluate:
        """Raises UsageError, KeyError, TypeError; InputError where it now stands for something
        else."""
        found = cls(**{name: document[name] for name in document if name != "identity"})
        _check_same(found, document)
        return found

    def differs(self, new: Request) -> list[str]:
        """What keeps it from being `new`, in words that follow "begun with"."""
        return _differences(self, new)

    def files(self) -> dict[str, str]:
        """The files that a row becomes, by what they are."""
        from unweave.cluster.evaluate import FILES

        return dict(FILES)

    def work(self, executor: Executor) -> attempt.Work:
        from unweave.cluster.evaluate import USE

        return _guarded(USE.work(self.order(), executor))

    def is_of(self, report: Mapping[str, Any]) -> bool:
        """Whether a report is of an equal request. Raises KeyError, TypeError."""
        return bool(report["run"] == self.identity())

    def marks(self) -> dict[str, Any]:
        """What a row's report says of the run besides: its own identity is of the files too."""
        return {"run": self.identity()}


Request = Separate | Analyze | Evaluate
KINDS: dict[str, type[Request]] = {each.kind: each for each in (Separate, Analyze, Evaluate)}


def _hash(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _needed(how: Separation | None) -> tuple[str, ...]:
    return () if how is None or how.request is None else how.request.needed


def _check_same(found: Analyze | Evaluate, document: Mapping[str, Any]) -> None:
    """Raises InputError where a request that was read back does something else than it did."""
    if found.identity() != document["identity"]:
        raise InputError(
            "it was begun with other weights or another version of unweave; begin a new run with "
            "--name"
        )


def _differences(old: Analyze | Evaluate, new: Request) -> list[str]:
    if new.kind != old.kind:
        return [f"the kind {old.kind}, now {new.kind}"]
    then, now = old.as_json(), new.as_json()
    return [
        f"{name} {_in_words(then[name])}, now {_in_words(now[name])}"
        for name in then
        if name != "identity" and then[name] != now[name]
    ]


def _in_words(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _guarded(do: attempt.Work) -> attempt.Work:
    """Work that ends the run where no row can be done: raises CannotLoadError."""

    def guarded(job: Job, on_progress: OnProgress, should_stop: ShouldStop) -> Outcome:
        try:
            return do(job, on_progress, should_stop)
        except WeightsError as error:
            kind = type(error).__name__
            raise CannotLoadError(str(error), kind, error.exit_code) from error
        except ModuleNotFoundError as error:
            why = f"{error.name} is not installed where the workers are; see the extras of unweave"
            raise CannotLoadError(why, type(error).__name__, 1) from error

    return guarded
