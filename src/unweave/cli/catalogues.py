"""What several of the commands of `unweave catalogue` share: options, the begin and the work of a
run."""

import inspect
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unweave.cli.declared import with_options
from unweave.cli.options import OUTPUT, Json, Model, Pull, Quiet, Seed, Settings
from unweave.cli.session import Session, session
from unweave.cli.weights import fetch
from unweave.cluster.workers import Workers
from unweave.options import options_of
from unweave.request import Execution

if TYPE_CHECKING:
    from unweave.cluster.catalogue import Catalogue
    from unweave.cluster.kinds import Request
    from unweave.cluster.log import Entry
    from unweave.cluster.manifest import Row

PATIENCE_S = 60.0  # for what is at work, and for the last entries of the log
METRICS_EVERY_S = 5.0
NAMED = 20  # failures in the words at the end

WORKERS = "Workers"  # the title of their panel

At = Annotated[
    str, typer.Argument(metavar="CATALOGUE", help="Folder, or address in an object store.")
]
Name = Annotated[str, typer.Option(metavar="NAME", help="Which run of the catalogue.")]
Price = Annotated[
    float | None,
    typer.Option(metavar="NUMBER", help="What a worker costs an hour.", show_default=False),
]
Out = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER",
        help="Folder, or address in an object store, for what is made.",
        show_default="that of the run",
        rich_help_panel=OUTPUT,
    ),
]
Metrics = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Keep figures for Prometheus in that file.", show_default=False
    ),
]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options of every command that begins a run or goes on with one."""

    context: typer.Context
    catalogue: At
    output: Out = None
    name: Name
    model: Model = None
    pull: Pull = False
    settings_: Settings = None
    seed: Seed = 0
    prometheus: Metrics = None
    as_json: Json = False
    quiet: Quiet = False

    def settings(self) -> dict[str, Any]:
        """The model's own options. Raises UsageError."""
        from unweave.options import parse

        return parse(self.settings_ or ())

    def chosen(self) -> str:
        """The model."""
        from unweave import registry

        return self.model or registry.DEFAULT


FIRST = 3  # of them, before a command's own
# What says nothing of what a row becomes.
HOW = {"context", "catalogue", "output", "name", "pull", "prometheus", "as_json", "quiet"}
HOW |= {item.name for owner in (Execution, Workers) for item in options_of(owner)}


def begins(name: str, panels: Mapping[type, str]) -> Callable[..., Any]:
    """A command that begins a run, called `name` unless it is said, or goes on with it.

    What is decorated gives the request, from `Asked`, options of its own, and those that the keys
    of `panels` declare, as of `with_options`.
    """

    def decorate(make: "Callable[..., Request]") -> Callable[..., Any]:
        _, *own, declared = inspect.signature(make).parameters.values()
        shared = [_parameter(item, name) for item in fields(Asked)]

        def command(**values: Any) -> None:
            asked = Asked(**{item.name: values.pop(item.name) for item in fields(Asked)})
            there = {item.name for item in options_of(Workers)} & {*values}
            workers = {item: values.pop(item) for item in there}
            _work(asked, workers, lambda: make(asked, **values))

        command.__name__, command.__doc__ = make.__name__, make.__doc__
        command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [*shared[:FIRST], *own, *shared[FIRST:], declared]
        )
        return with_options({**panels, Workers: WORKERS})(command)

    return decorate


def _parameter(item: Field[Any], name: str) -> inspect.Parameter:
    """The option that a field of `Asked` stands for. name: of a run."""
    default = name if item.name == "name" else item.default
    return inspect.Parameter(
        item.name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=inspect.Parameter.empty if default is MISSING else default,
        annotation=item.type,
    )


def _work(asked: Asked, workers: Mapping[str, Any], make: "Callable[[], Request]") -> None:
    with session(
        quiet=asked.quiet, as_json=asked.as_json, polls=True, patience_s=PATIENCE_S
    ) as current:
        from unweave.cluster.catalogue import Catalogue

        def fetched() -> "Request":
            found = make()
            if found.model is not None:
                fetch(current, [asked.chosen()], stems=found.needed, ask=not asked.pull)
            return found

        at = Catalogue(asked.catalogue, asked.name)
        typed = any(_is_typed(asked.context, name) for name in {*asked.context.params} - HOW)
        begin(at, asked.output, typed, fetched)
        work_through_rows(current, at, Workers(**workers), asked.prometheus)


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def begin(at: "Catalogue", output: str | None, asked: bool, make: "Callable[[], Request]") -> None:
    """Keep what is asked for, or go on with what was where nothing is.

    make: what is done with every row. Raises UsageError, InputError, and what `make` raises.
    """
    from unweave.cluster import places
    from unweave.cluster.catalogue import Run
    from unweave.errors import UsageError

    at.check()
    before = at.run()
    if before is not None and not asked and output is None:
        return
    if before is None and output is None:
        raise UsageError("give the folder or address for what is made with -o")
    place = places.absolute(output) if output is not None else before and before.output
    places.check_output(place or "")
    at.begin(Run(make(), place or ""))


def work_through_rows(
    current: Session,
    at: "Catalogue",
    workers: Workers,
    prometheus: Path | None,
    retry: bool = False,
) -> None:
    """Run, say how far it is, and exit."""
    from unweave.cli.progress import display
    from unweave.cluster.log import FAILED
    from unweave.cluster.progress import Progress
    from unweave.cluster.run import run as work_through
    from unweave.core.files import atomic_write

    told: list[str] = []
    kept_s = -math.inf  # when the figures were

    def on_entry(row: "Row", entry: "Entry") -> None:
        if entry.state == FAILED:
            if len(told) < NAMED:
                current.error(entry.reason)
            told.append(entry.reason)

    with display(current) as shown:

        def on_progress(progress: Progress) -> None:
            shown.say(progress.in_words())
            nonlocal kept_s
            if prometheus is not None and time.monotonic() - kept_s >= METRICS_EVERY_S:
                atomic_write(prometheus, progress.prometheus(at.name))
                kept_s = time.monotonic()

        progress = work_through(
            at,
            workers=workers,
            retry=retry,
            on_progress=on_progress,
            on_entry=on_entry,
            should_stop=current.should_stop,
        )
        kept_s = -math.inf
        on_progress(progress)
    if len(told) > NAMED:
        current.note(f"and {len(told) - NAMED} more failures; see: unweave catalogue export")
    current.result(progress.in_words())
    stopped = current.should_stop() and progress.left > 0
    if stopped:
        current.error(f"interrupted; {progress.left} rows are left; run it again to go on")
    code = 130 if stopped else 1 if progress.failed else 0
    if current.as_json:
        current.emit({**progress.as_dict(), "errors": told[:NAMED], "exit_code": code})
    raise typer.Exit(code)
