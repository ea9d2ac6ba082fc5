"""`unweave stem check`: whether players take a file for a stem file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from unweave.cli.options import JsonList, Quiet, Tracebacks
from unweave.cli.session import session

app = typer.Typer(help="Native Instruments stem files.", no_args_is_help=True)


@app.callback()
def stem() -> None:
    """Native Instruments stem files (.stem.mp4, .stem.m4a): check."""


@app.command("check", no_args_is_help=True)
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILES...", help="Stem files.")],
    as_json: JsonList = False,
    quiet: Quiet = False,
    verbose: Tracebacks = False,
) -> None:
    """Say what is wrong with stem files: one line for each thing, and exit code 1."""
    with session(quiet=quiet, verbose=verbose, as_json=as_json) as current:
        from unweave.apps.stem_files import check as examined
        from unweave.core.files import shown
        from unweave.errors import UnweaveError

        found: list[dict[str, Any]] = []
        for file in files:
            try:
                facts = examined(file)
            except UnweaveError as error:
                current.error(str(error))
                message = {"kind": type(error).__name__, "message": str(error)}
                found.append({"path": str(file), "error": message})
                continue
            found.append(facts)
            for problem in facts["problems"]:
                current.error(f"{shown(file)}: {problem}")
            if not (facts["problems"] or as_json):
                current.result(f"{shown(file)}: {', '.join(map(shown, facts['stems']))}")
        if as_json:
            current.emit(found)
        raise typer.Exit(int(any(facts.get("error") or facts["problems"] for facts in found)))


EXAMPLES = {check: ("unweave stem check song.stem.mp4",)}
