"""What lies where in a catalogue, which is one folder or prefix of an object store:

    manifest/part-*.parquet     one row a recording (`manifest`)
    runs/NAME/request.json      what is done with every row, and where the stems go
    runs/NAME/log/*.parquet     what became of the rows (`log`)
    locks/WHAT/*.json           in an object store: who is at it (`lease`)

Nothing in it but the locks is ever changed: it grows by new files, as an object store can neither
append nor rename.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

from unweave.cluster import lease, places
from unweave.cluster.kinds import KINDS, Request, Separate
from unweave.core.files import shown
from unweave.core.lock import locked
from unweave.errors import InputError, UsageError
from unweave.types import ShouldStop

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Run:
    """One request for every row. output: the folder or prefix of what the rows become."""

    request: Request
    output: str

    @property
    def identity(self) -> str:
        """One hash of all that is meant to change what a row becomes. Raises UsageError."""
        return self.request.identity()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A catalogue by its address. name: which of its runs."""

    address: str
    name: str = "separate"

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", places.absolute(self.address))
        if not places.is_local(self.address):
            places.check_output(self.address)
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", self.name):
            raise UsageError(f"a run's name has letters, digits, - and _; got {self.name!r:.80}")

    @property
    def manifest(self) -> str:
        return places.joined(self.address, "manifest")

    @property
    def log(self) -> str:
        return places.joined(self.address, "runs", self.name, "log")

    @property
    def request(self) -> str:
        return places.joined(self.address, "runs", self.name, "request.json")

    def check(self) -> None:
        """Raises InputError where nothing was scanned."""
        if not places.names(self.manifest, ".parquet"):
            raise InputError(
                f"{shown(self.address)}: holds no manifest; make one with: unweave catalogue scan"
            )

    def run(self) -> Run | None:
        """The run as it was begun; None where it was not. Raises InputError."""
        if places.size(self.request) is None:
            return None
        try:
            document = json.loads(places.content(self.request))
            if document["format"] != FORMAT:
                raise ValueError(f"format {document['format']}")
            kind = KINDS[document.get("kind", Separate.kind)]
            return Run(kind.from_json(document["request"]), document["output"])
        except InputError as error:
            raise InputError(f"{shown(self.request)}: {error}") from error
        except (ValueError, KeyError, TypeError, UsageError) as error:
            raise InputError(
                f"{shown(self.request)}: is no request that this version of unweave reads ({error})"
            ) from error

    def begun(self) -> Run:
        """The run as it was begun. Raises InputError."""
        found = self.run()
        if found is None:
            raise InputError(
                f"{shown(self.address)}: has no run called {self.name}; begin it with: unweave "
                "catalogue run"
            )
        return found

    def begin(self, run: Run) -> None:
        """Keep what is done with every row. Raises UsageError where the run was begun otherwise."""
        identity, before = run.identity, self.run()
        if before is None:
            document = {
                "format": FORMAT,
                "kind": run.request.kind,
                "request": run.request.as_json(),
                "output": run.output,
            }
            data = json.dumps({**document, "identity": identity}, indent=2) + "\n"
            places.write(self.request, data.encode())
        elif before.identity != identity or before.output != run.output:
            whys = before.request.differs(run.request) if before.identity != identity else []
            if before.output != run.output:
                whys.append(f"the output {before.output}, now {run.output}")
            why = "; ".join(whys)
            raise UsageError(
                f"the run {self.name} was begun with {shown(why)}; give the new one a name with "
                "--name, or repeat what it was begun with"
            )

    @contextmanager
    def held(self, what: str, should_stop: ShouldStop = bool) -> Iterator[ShouldStop]:
        """The time in which no other process does `what`, on this machine or, where the catalogue
        lies in an object store, on any.

        Gives a function that says whether another has taken it over, after this one was away for
        too long. Raises UsageError, Cancelled, and what the store says.
        """

        def busy(who: str = "another process") -> NoReturn:
            raise UsageError(f"{shown(self.address)}: {who} is at it; wait for its end")

        if places.is_local(self.address):
            with locked(places.local(self.address) / f".{what}.lock", busy):
                yield bool
        else:
            with lease.held(places.joined(self.address, "locks", what), busy, should_stop) as lost:
                yield lost
