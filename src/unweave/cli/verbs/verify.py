"""`unweave verify`: do the same stems come out again?"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unweave.cli.options import DEVICE, JsonList, Quiet, Verbose
from unweave.cli.session import session

if TYPE_CHECKING:
    from unweave.cli.progress import Display
    from unweave.jobs.verify import Compared, Verdict
    from unweave.types import Progress


def verify(
    reports: Annotated[
        list[Path],
        typer.Argument(
            metavar="REPORT.JSON...", help="Reports, or folders that hold a report.json."
        ),
    ],
    recording: Annotated[
        Path | None, typer.Option("--input", "-i", help="Path of the recording, if it has moved.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Path of the model's card, if it has moved."),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help=f"{DEVICE}, instead of the report's.", show_default=False
        ),
    ] = None,
    as_json: JsonList = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Repeat the separation that a report describes, and compare the bytes.

    Where they differ, it shows the difference in dB.

    It also names every other field of the report that differs.
    """
    with session(quiet=quiet, verbose=verbose, as_json=as_json, polls=True) as current:
        from unweave.cli.progress import display
        from unweave.cli.weights import fetch
        from unweave.core.files import shown
        from unweave.engine.limits import enough_memory
        from unweave.errors import Cancelled, UsageError
        from unweave.jobs import verify as again

        failed: list[Exception] = []

        def fails(path: Path, error: Exception) -> None:
            current.error(*_told(path, error))
            failed.append(error)

        paths: list[Path] = []
        for name in reports:
            try:
                paths += again.reports_at(name)
            except (UsageError, OSError) as error:
                fails(name, error)
        if recording is not None and len(paths) > 1:
            raise UsageError("--input goes with one report; verify them one at a time")
        if model is not None and len(paths) > 1:
            raise UsageError("--model goes with one report; verify them one at a time")
        verdicts = []
        for path in paths:
            try:
                ready = again.prepare(
                    path,
                    recording=recording,
                    model=model,
                    device=device,
                )
                request = ready.request
                fetch(current, [request.separator.model or ""], stems=request.needed)
                with enough_memory(), display(current) as progress:
                    progress.start(path, shown(path))
                    verdict = again.repeat(
                        ready,
                        on_progress=partial(_show, progress, path),
                        should_stop=current.should_stop,
                    )
            except (Cancelled, BrokenPipeError):
                raise
            except Exception as error:
                fails(path, error)
                continue
            verdicts.append(verdict)
            if quiet and not verdict.agrees:
                current.error(f"{verdict.report}: differs; leave out -q to see where")
            for line in _lines(verdict, verbose):
                current.result(line)
        if as_json:
            current.emit([verdict.as_dict() for verdict in verdicts])
        codes = {getattr(error, "exit_code", 1) for error in failed}
        if failed and not verdicts and len(codes) == 1:
            raise typer.Exit(codes.pop())
        raise typer.Exit(0 if not failed and all(v.agrees for v in verdicts) else 1)


def _told(path: Path, error: Exception) -> tuple[str, str]:
    """Why a report could not be verified, in a line, and the traceback of an unexpected error."""
    import traceback

    from unweave.core.files import advice, shown
    from unweave.errors import UnweaveError

    if isinstance(error, UnweaveError):
        return str(error), ""
    if isinstance(error, OSError):
        return f"{shown(path)}: {advice(error)}", ""
    words = f"{shown(path)}: unexpected {type(error).__name__}: {error}"
    return words, "".join(traceback.format_exception(error))


def _lines(verdict: "Verdict", verbose: bool) -> list[str]:
    """What was found, for people."""
    from unweave.core.files import shown

    lines = [f"{shown(verdict.report)}: {'agrees' if verdict.agrees else 'DIFFERS'}"]
    for stem in verdict.stems:
        lines.append(f"  {shown(stem.stem)}: {_words(stem)}")
        if verbose:
            lines.append(f"    SHA-256 in the report {stem.sha256}, now {stem.sha256_now}")
    for place, (then, now) in verdict.fields_differ.items():
        lines.append(f"  {place}: the report says {shown(str(then))}, found {shown(str(now))}")
    for name, (before, after) in verdict.versions_differ.items():
        lines.append(f"  {name} was {shown(before)}, is {shown(after)}")
    return lines


def _show(display: "Display", key: object, progress: "Progress") -> None:
    display.update(key, progress.done_s, progress.total_s)


def _words(stem: "Compared") -> str:
    from unweave.jobs.verify import EQUAL_DB

    fresh = "the same bytes again" if stem.agrees else "other bytes this time"
    words = [fresh] if stem.on_disk == "as reported" else [fresh, f"the file is {stem.on_disk}"]
    if stem.difference_db == EQUAL_DB:
        words.append("the same sound")
    elif stem.difference_db is not None:
        words.append(f"signal over difference {stem.difference_db:.1f} dB")
    elif not stem.agrees or stem.on_disk == "changed since the report":
        words.append("the sounds cannot be compared")
    return ", ".join(words)


EXAMPLES = ("unweave verify stems/song",)
