"""The command `unweave`: its verbs, its version, its exit codes.

Only typer is imported here and in the verbs' files; the work is imported when a verb runs, so that
`--help` and completion answer at once. These files have their annotations as types, not as text
(`from __future__ import annotations`), which typer would compile several times at every start.
"""

import io
import os
import shlex
import sys
from contextlib import suppress
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from unweave.cli import (
    benchmark,
    dataset,
    evaluate,
    info,
    interrupt,
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
from unweave.cli.interrupt import INTERRUPTED
from unweave.cli.session import Session

EXIT_CODES = """Exit codes: 0 all done; 1 at least one file failed (or, for verify, differs);
2 usage; 3 weights missing or wrong; 130 interrupted."""


class _Verbs(TyperGroup):
    """A file, a folder or a link where a verb should be is meant for `separate`."""

    def resolve_command(self, context: Any, words: list[str]) -> tuple[str | None, Any, list[str]]:
        word = words[0]
        if word not in self.commands and (
            os.path.lexists(word) or "://" in word or os.path.splitext(word)[1]
        ):
            file = "FILE, once you have downloaded it" if "://" in word else shlex.quote(word)
            context.fail(f"no command is called {word!r}; try: unweave separate {file}")
        return super().resolve_command(context, words)


app = typer.Typer(
    name="unweave",
    cls=_Verbs,
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
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Take finished recordings apart into the tracks they were mixed from."""


def main() -> NoReturn:
    """The entry point. Undecodable file names are escaped rather than fatal."""
    from unweave.engine.allocator import keep_freed_memory

    keep_freed_memory()  # before the first thread, so that there is one heap
    _open_streams()
    interrupt.install(Session().last_words)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    lean.allow()
    try:
        app(prog_name="unweave")
    except SystemExit as done:
        _leave(done.code)
    except OSError as error:  # of help and usage; a session sees to its own
        with suppress(OSError):
            print(f"error: standard output: {error.strerror or error}", file=sys.stderr)
        _leave(1)
    _leave(0)


def _open_streams() -> None:
    """Streams that are closed or missing, as in a service or a windowed Python, lead nowhere.

    A file opened later must not get the number of a closed one: what any library says on stderr
    would go into it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))


def _leave(code: str | int | None) -> NoReturn:
    """Exit at once. Taking torch and its memory down piece by piece costs a third of a second."""
    quickly = "torch" in sys.modules or code == INTERRUPTED  # whose threads may be at work yet
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # nobody listens any more, and Python would say so
            quickly = True
    if not quickly:
        sys.exit(code)
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    main()
