"""`unweave verify`: do the same stems come out again?"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unweave.cli.options import Device, JsonList, Quiet, Verbose
from unweave.cli.session import session

if TYPE_CHECKING:
    from unweave.apps.verify import Compared
    from unweave.cli.progress import Display
    from unweave.core.types import Progress


def verify(
    reports: Annotated[
        list[Path],
        typer.Argument(metavar="REPORT.JSON...", help="Reports, or the folders they lie in."),
    ],
    recording: Annotated[
        Path | None, typer.Option("--input", "-i", help="Where the recording is now, if moved.")
    ] = None,
    device: Annotated[
        Device | None, typer.Option(help="Instead of the report's.", show_default=False)
    ] = None,
    as_json: JsonList = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Separate again what a report describes, and say whether the bytes agree.

    Where they do not, says by how many dB the sound differs. Exit code 0: all agree, 1: not so.
    """
    with session(quiet=quiet, verbose=verbose, as_json=as_json, polls=True) as current:
        from unweave.apps.batch import shown
        from unweave.apps.verify import verify as verify_report
        from unweave.cli.progress import display
        from unweave.core.errors import UsageError

        if recording is not None and len(reports) > 1:
            raise UsageError("--input goes with one report; verify them one at a time")
        verdicts = []
        for report in reports:
            with display(current) as progress:
                progress.start(report, shown(report))
                verdict = verify_report(
                    report,
                    recording=recording,
                    device=None if device is None else str(device),
                    on_progress=partial(_show, progress, report),
                    should_stop=current.should_stop,
                )
            verdicts.append(verdict)
            word = "agrees" if verdict.agrees else "DIFFERS"
            current.result(f"{shown(verdict.report)}: {word}")
            for stem in verdict.stems:
                current.result(f"  {shown(stem.stem)}: {_words(stem)}")
            if verbose or not verdict.agrees:
                for name, (then, now) in verdict.versions_differ.items():
                    current.result(f"  {name} was {shown(then)}, is {shown(now)}")
        if as_json:
            current.emit([verdict.as_dict() for verdict in verdicts])
        raise typer.Exit(0 if all(verdict.agrees for verdict in verdicts) else 1)


def _show(display: "Display", key: object, progress: "Progress") -> None:
    display.update(key, progress.done_s, progress.total_s)


def _words(stem: "Compared") -> str:
    fresh = "the same bytes again" if stem.agrees else "other bytes this time"
    words = [fresh] if stem.on_disk == "as reported" else [fresh, f"the file is {stem.on_disk}"]
    if stem.difference_db is not None:
        words.append(f"signal over difference {stem.difference_db:.1f} dB")
    elif not stem.agrees or stem.on_disk == "changed since the report":
        words.append("the sounds cannot be compared")
    return ", ".join(words)
