"""The command `unweave`: its verbs, its version, its exit codes.

Only typer is imported here and in the verbs' files; the work is imported when a verb runs, so that
`--help` and completion answer at once. These files have their annotations as types, not as text
(`from __future__ import annotations`), which typer would compile several times at every start.
"""

import os
import sys
from contextlib import suppress
from typing import Annotated, NoReturn

import typer

from unweave.cli import (
    benchmark,
    dataset,
    evaluate,
    info,
    lean,
    models,
    nmf,
    partials,
    report,
    separate,
    spectrogram,
    train,
    verify,
)

EXIT_CODES = """Exit codes: 0 all done; 1 at least one file failed (or, for verify, differs);
2 usage; 3 weights missing or wrong; 130 interrupted."""

app = typer.Typer(
    name="unweave",
    help="Take finished recordings apart into the tracks they were mixed from.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog=EXIT_CODES, no_args_is_help=True)(separate.separate)
app.add_typer(models.app, name="models", epilog=EXIT_CODES)
app.add_typer(dataset.app, name="dataset", epilog=EXIT_CODES)
app.add_typer(nmf.app, name="nmf", epilog=EXIT_CODES)
app.command(epilog=EXIT_CODES, no_args_is_help=True)(info.info)
app.command(epilog=EXIT_CODES, no_args_is_help=True)(verify.verify)
app.command(epilog=EXIT_CODES, no_args_is_help=True)(spectrogram.spectrogram)
app.command(epilog=EXIT_CODES, no_args_is_help=True)(partials.partials)
app.command(epilog=EXIT_CODES, no_args_is_help=True)(evaluate.evaluate)
app.command(epilog=EXIT_CODES, no_args_is_help=True)(benchmark.benchmark)
app.command(epilog=EXIT_CODES, no_args_is_help=True)(report.report)
app.command(epilog=EXIT_CODES, no_args_is_help=True)(train.train)


def _version(wanted: bool) -> None:
    if wanted:
        import unweave

        typer.echo(f"unweave {unweave.__version__}")
        raise typer.Exit


@app.callback()
def unweave(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say it and exit.")
    ] = False,
) -> None:
    """Take finished recordings apart into the tracks they were mixed from."""


def main() -> None:
    """The entry point. Undecodable file names are escaped rather than fatal."""
    from unweave.engine.allocator import keep_freed_memory

    keep_freed_memory()  # before the first thread, so that there is one heap
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if lean.suffices(sys.argv[1:]):
        lean.start_lean()
    try:
        app(prog_name="unweave")
    except SystemExit as done:
        _leave(done.code)


def _leave(code: str | int | None) -> NoReturn:
    """Exit at once. Taking torch and its memory down piece by piece costs a third of a second."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody listens any more
            stream.flush()
    if "torch" not in sys.modules:
        sys.exit(code)
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    main()
