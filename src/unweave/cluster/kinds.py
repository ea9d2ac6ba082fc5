"""What can be done with every row: a kind of request for each, in the table `KINDS`.

A request is plain data that goes to workers and into the catalogue. It says by itself which files a
row becomes, who does the work, and whether a report is of an equal request.
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
    from unweave.apps.analyze import Order
    from unweave.engine.executor import Executor
    from unweave.types import OnProgress, ShouldStop


@dataclass(frozen=True, slots=True)
class Separate:
    """Stems of every row. separation: the same."""

    separation: SeparationRequest
    kind: ClassVar[str] = "separate"
    report: ClassVar[str] = "report.json"

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
    separation: ClassVar[None] = None  # what is measured of one says little of an analysis
    stems: ClassVar[tuple[str, ...]] = ()

    @property
    def needed(self) -> tuple[str, ...]:
        """The stems whose weights are needed."""
        how = self.order().separation
        return () if how is None or how.request is None else how.request.needed

    @property
    def execution(self) -> Execution:
        return run_options(self.options)[2]

    def order(self) -> Order:
        """What is asked of every song. Raises UsageError."""
        from unweave.apps.analyze import ordered

        return ordered(self.model, self.options, least=self.least, exports=self.export)

    def identity(self) -> str:
        """One hash of all that is meant to change what a row becomes. Raises UsageError."""
        from unweave.apps.analyze import USE

        order = self.order()
        facts = {
            "use": USE.name,
            "revision": USE.revision,
            "separation": order.separation and order.separation.identity,
            "region": [order.output.start, order.output.end],
            "least": order.least,
            "write": list(order.exports),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

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
        if found.identity() != document["identity"]:
            raise InputError(
                "it was begun with other weights or another version of unweave; begin a new run "
                "with --name"
            )
        return found

    def differs(self, new: Request) -> list[str]:
        """What keeps it from being `new`, in words that follow "begun with"."""
        if not isinstance(new, Analyze):
            return [f"the kind {self.kind}, now {new.kind}"]
        pairs = {
            "model": (self.model, new.model),
            "options": (dict(self.options), dict(new.options)),
            "least": (self.least, new.least),
            "export": (",".join(self.export), ",".join(new.export)),
        }
        return [f"{name} {then}, now {now}" for name, (then, now) in pairs.items() if then != now]

    def files(self) -> dict[str, str]:
        """The files that a row may become, by what they are."""
        from unweave.apps.analyze import files

        return files.names(self.order().exports)

    def work(self, executor: Executor) -> attempt.Work:
        from unweave.apps.analyze import USE

        do = USE.work(self.order(), executor)

        def guarded(job: Job, on_progress: OnProgress, should_stop: ShouldStop) -> Outcome:
            try:
                return do(job, on_progress, should_stop)
            except WeightsError as error:  # no row can be done
                kind = type(error).__name__
                raise CannotLoadError(str(error), kind, error.exit_code) from error

        return guarded

    def is_of(self, report: Mapping[str, Any]) -> bool:
        """Whether a report is of an equal request. Raises KeyError, TypeError."""
        return bool(report["run"] == self.identity())

    def marks(self) -> dict[str, Any]:
        """What a row's report says of the run besides: its own identity is of the recording too."""
        return {"run": self.identity()}


Request = Separate | Analyze
KINDS: dict[str, type[Request]] = {each.kind: each for each in (Separate, Analyze)}
