"""`unweave verify`: do the same stems, or the same case, come out again?"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unweave.cli import blas
from unweave.cli.options import DEVICE, JsonList, Quiet, Verbose
from unweave.cli.session import session

if TYPE_CHECKING:
    from unweave.apps.forensic import CaseVerdict
    from unweave.cli.progress import Display
    from unweave.jobs.verify import Compared, Verdict
    from unweave.types import Progress


def verify(
    reports: Annotated[
        list[Path],
        typer.Argument(
            metavar="REPORT.JSON...",
            help="Reports, folders that hold a report.json, or cases of 'forensic'.",
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
    log_hash: Annotated[
        str | None,
        typer.Option(
            metavar="HASH", help="Of a case: hash on its certificate.", show_default=False
        ),
    ] = None,
    public_key: Annotated[
        Path | None,
        typer.Option(
            metavar="KEY",
            help="Of a case: key that must have signed it, in PEM.",
            show_default=False,
        ),
    ] = None,
    hashes_only: Annotated[
        bool, typer.Option("--hashes-only", help="Of a case: repeat nothing.")
    ] = False,
    as_json: JsonList = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Repeat the separation that a report describes, and compare the bytes.

    Where they differ, it shows the difference in dB.

    It also names every other field of the report that differs. Of a case it checks log, signatures
    and files, and repeats every step.
    """
    with session(quiet=quiet, verbose=verbose, as_json=as_json, polls=True) as current:
        # Of a case, as `forensic` runs; what no file can be called is said below.
        if any(os.path.exists(os.path.join(path, "log.jsonl")) for path in reports):
            blas.one_thread()
        from unweave.apps import forensic
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
                paths += [name] if forensic.is_case(name) else again.reports_at(name)
            except (UsageError, OSError) as error:
                fails(name, error)
        if recording is not None and len(paths) > 1:
            raise UsageError("--input goes with one report; verify them one at a time")
        if model is not None and len(paths) > 1:
            raise UsageError("--model goes with one report; verify them one at a time")
        for option, value in (("--log-hash", log_hash), ("--public-key", public_key)):
            if value is not None and not (len(paths) == 1 and forensic.is_case(paths[0])):
                raise UsageError(f"{option} goes with one case")
        verdicts = []
        work: Callable[..., Verdict | CaseVerdict]
        for path in paths:
            try:
                if forensic.is_case(path):
                    fetch(current, [] if hashes_only else forensic.models(path))
                    work = partial(
                        forensic.verify,
                        path,
                        log_hash=log_hash,
                        public_key=public_key,
                        recording=recording,
                        replay=not hashes_only,
                    )
                else:
                    ready = again.prepare(path, recording=recording, model=model, device=device)
                    request = ready.request
                    fetch(current, [request.separator.model or ""], stems=request.needed)
                    work = partial(again.repeat, ready)
                with enough_memory(), display(current) as progress:
                    progress.start(path, shown(path))
                    verdict = work(
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
                current.error(f"{shown(path)}: differs; leave out -q to see where")
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


def _lines(verdict: "Verdict | CaseVerdict", verbose: bool) -> list[str]:
    """What was found, for people."""
    from unweave.core.files import shown
    from unweave.jobs.verify import Verdict

    if not isinstance(verdict, Verdict):
        return _of_case(verdict, verbose)
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


def _of_case(found: "CaseVerdict", verbose: bool) -> list[str]:
    """What was found of a case, for people: the first thing that differs, and then the others."""
    from unweave.core.files import shown

    lines = [f"{shown(found.case)}: {'agrees' if found.agrees else 'DIFFERS'}"]
    lines += [f"  {'first' if n == 0 else 'then '}: {said}" for n, said in enumerate(found.differs)]
    lines.append(f"  {found.entries} entries of the log, the last {found.log_hash}")
    lines.append(f"  {found.checked} files as the log says, {found.repeated} of them made again")
    lines += [f"  note: {said}" for said in found.notes]
    if verbose or not found.agrees:
        versions = found.versions_differ.items()
        lines += [f"  {name} was {shown(old)}, is {shown(new)}" for name, (old, new) in versions]
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


EXAMPLES = ("unweave verify stems/song", "unweave verify call-case --public-key public.pem")
